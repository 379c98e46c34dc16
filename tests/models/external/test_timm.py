import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from torchvision.transforms.v2.functional import pil_to_tensor

from cvbench.data.images.color import normalize
from cvbench.data.images.geometry import fit
from cvbench.errors import InputError, UnknownName
from cvbench.models.building import build_model
from cvbench.models.weights.loading import load_weights
from cvbench.spec.cell import ModelSpec
from cvbench.values import ClassScores

NAME = "test_resnet.r160_in1k"


def test_a_net_is_timms_and_takes_its_weights_by_name(tmp_path):
    torch.manual_seed(1)
    peer = timm.create_model("test_resnet", num_classes=7).eval()
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    images = torch.randn(2, 3, 96, 96)

    ours = build_model(ModelSpec(name="timm/test_resnet"), 7).eval()
    load_weights(ours, tmp_path / "weights.pth")

    with torch.no_grad():
        assert torch.equal(ours(images), peer(images))


@pytest.mark.parametrize("name", [NAME, "tf_efficientnet_lite0"])
def test_preprocessing_is_that_of_its_weights(name):
    model = build_model(ModelSpec(name=f"timm/{name}"), 10)
    config = resolve_model_data_config(model)
    picture = Image.linear_gradient("L").resize((400, 300)).convert("RGB")

    ours = normalize(fit(pil_to_tensor(picture), None, model.preprocessing).image[None], model.preprocessing)
    theirs = create_transform(**config, is_training=False)(picture)[None]

    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= 2 / 255 / min(config["std"])  # two steps of 8 bits


def test_it_learns_and_decodes_like_any_classifier():
    model = build_model(ModelSpec(name="timm/test_resnet", options={"size": 64}), 3)

    terms = model.loss(model(torch.randn(2, 3, *model.preprocessing.size)), [ClassScores.of(1, 3)] * 2)

    assert model.preprocessing.size == (64, 64)
    assert [*terms] == ["cross_entropy"]
    assert [len(found.scores) for found in model.decode(torch.randn(2, 3))] == [3, 3]


def test_another_number_of_classes_is_refused_with_both_shapes(tmp_path):
    torch.save(timm.create_model("test_resnet", num_classes=7).state_dict(), tmp_path / "weights.pth")

    with pytest.raises(InputError, match="7"):
        load_weights(build_model(ModelSpec(name="timm/test_resnet"), 5), tmp_path / "weights.pth")


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownName, match="timm/resnet50"):
        build_model(ModelSpec(name="timm/resnet05"), 5)


@pytest.mark.parametrize("size", [0, -3, "big", True])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(InputError, match="number of pixels"):
        build_model(ModelSpec(name="timm/test_resnet", options={"size": size}), 5)
