"""Each classifier can learn: a narrow one learns a handful of images by heart."""

import pytest
import torch

from cvbench.models.building import build_model
from cvbench.spec.catalogue.classifiers import CLASSIFIERS
from cvbench.spec.cell import ModelSpec
from cvbench.values import ClassScores
from tests.models.learning import decoded, learn

LEARNERS = {  # options in addition to width, steps, peak learning rate
    "alexnet": ({"size": 64, "dropout": 0.0}, 40, 2e-3),
    "alexnet_original": ({"size": 67, "dropout": 0.0}, 40, 4e-3),
    "vgg11": ({"size": 32, "dropout": 0.0}, 40, 2e-3),
    "vgg16_bn": ({"size": 32, "dropout": 0.0}, 20, 4e-3),
    "googlenet": ({"size": 32, "dropout": 0.0}, 30, 3e-3),
    "googlenet_original": ({"size": 32, "dropout": 0.0}, 40, 4e-3),
    "resnet18": ({"size": 32}, 25, 4e-3),
    "resnet50": ({"size": 64}, 30, 2e-3),
    "darknet19": ({"size": 32}, 25, 4e-3),
    "darknet53": ({"size": 32}, 25, 2e-3),
}
LEARNERS |= {"vgg13": LEARNERS["vgg11"]}
LEARNERS |= {f"vgg{layers}": ({"size": 32, "dropout": 0.0}, 120, 5e-4) for layers in (16, 19)}
LEARNERS |= {f"vgg{layers}_bn": LEARNERS["vgg16_bn"] for layers in (11, 13, 19)}
LEARNERS |= {"resnet34": LEARNERS["resnet18"]}
LEARNERS |= {f"resnet{layers}": LEARNERS["resnet50"] for layers in (101, 152)}
QUICK = {"alexnet", "alexnet_original", "vgg11", "googlenet", "resnet18", "darknet19"}


def marks(name):
    """One learns in every run, the others of the quick ones in full runs."""
    if name == "resnet18":
        return ()
    return pytest.mark.full if name in QUICK else pytest.mark.slow


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in LEARNERS])
def test_a_classifier_learns_eight_images_by_heart(name):
    options, steps, lr = LEARNERS[name]
    torch.manual_seed(0)
    model = build_model(ModelSpec(name=name, options={"width": 0.125, **options}), 4)
    prepared = model.preprocessing
    pixels = torch.rand(8, 3, *prepared.size)
    mean, std = (torch.tensor(values)[:, None, None] for values in (prepared.mean, prepared.std))
    images = (pixels - mean) / std
    labels = [i % 4 for i in range(8)]
    learn(model, images, [ClassScores.of(label, 4) for label in labels], steps=steps, lr=lr)
    assert [scores.label for scores in decoded(model, images)] == labels


def test_no_classifier_is_left_out():
    assert set(LEARNERS) == {card.name for card in CLASSIFIERS}
