import math

import pytest
import torch
from PIL import Image
from torch import tensor
from torchvision import models
from torchvision.transforms.v2.functional import pil_to_tensor

from cvbench.data.images.color import normalize
from cvbench.data.images.geometry import fit
from cvbench.errors import InputError, UnknownName
from cvbench.models.building import build_model
from cvbench.models.labels import COCO_IDS
from cvbench.models.weights.loading import load_weights
from cvbench.spec.catalogue import MODELS
from cvbench.spec.catalogue.models import task_of
from cvbench.spec.cell import ModelSpec
from cvbench.values import ClassScores, Detections, LabelMap

SEGMENTER = "lraspp_mobilenet_v3_large"
DETECTOR = "ssdlite320_mobilenet_v3_large"


def built(name, classes, **options):
    torch.manual_seed(0)
    return build_model(ModelSpec(name=f"torchvision/{name}", options=options), classes)


@pytest.mark.parametrize(
    ("name", "task"),
    [("squeezenet1_1", "classification"), (DETECTOR, "detection"), (SEGMENTER, "segmentation")],
)
def test_a_name_tells_the_task(name, task):
    assert task_of(ModelSpec(name=f"torchvision/{name}")) == task


def test_a_classifier_is_torchvisions_and_takes_its_weights_by_name(tmp_path):
    peer = models.squeezenet1_1(num_classes=7).eval()
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    images = torch.randn(2, 3, 64, 64)

    ours = built("squeezenet1_1", 7).eval()
    load_weights(ours, tmp_path / "weights.pth")

    with torch.no_grad():
        assert torch.equal(ours(images), peer(images))


@pytest.mark.parametrize("weights", ["IMAGENET1K_V1", "IMAGENET1K_V2"])
def test_preprocessing_is_that_of_the_weights_it_names(weights):
    model = built("mobilenet_v3_large", 10, transforms=weights)
    picture = Image.linear_gradient("L").resize((400, 300)).convert("RGB")

    ours = normalize(fit(pil_to_tensor(picture), None, model.preprocessing).image[None], model.preprocessing)
    theirs = models.MobileNet_V3_Large_Weights[weights].transforms()(picture)[None]

    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= 1.01 / 255 / 0.224  # one step of 8 bits


def test_auxiliary_heads_count_three_tenths():
    model = built("googlenet", 3, size=64)
    truths = [ClassScores.of(0, 3)] * 2

    terms = model.loss(model.train()(torch.randn(2, 3, 64, 64)), truths)

    assert [*terms] == ["cross_entropy", "aux_logits2", "aux_logits1"]
    assert terms["aux_logits1"].item() == pytest.approx(0.3 * math.log(3), abs=0.15)


def test_a_segmenter_learns_and_labels_every_pixel():
    model = built(SEGMENTER, 4, size=64)
    images = torch.randn(2, 3, 64, 64)

    terms = model.loss(model(images), [LabelMap(torch.ones(64, 64, dtype=torch.uint8))] * 2)
    model.eval()
    [first, _] = model.decode(model(images))

    assert [*terms] == ["cross_entropy"]
    assert first.labels.shape == (64, 64)


def test_a_detector_gives_what_torchvision_gives(tmp_path):
    peer = models.get_model(DETECTOR, weights=None, weights_backbone=None, num_classes=4).eval()
    torch.save(peer.state_dict(), tmp_path / "weights.pth")
    images = torch.rand(2, 3, 320, 320)
    model = built(DETECTOR, 3, size=320).eval()

    load_weights(model, tmp_path / "weights.pth")

    with torch.no_grad():
        found, expected = model.decode(model(images)), peer(list(images))
    for ours, theirs in zip(found, expected, strict=True):
        order = theirs["scores"].argsort(descending=True, stable=True)
        assert torch.equal(ours.boxes, theirs["boxes"][order])
        assert torch.equal(ours.labels, theirs["labels"][order] - 1)
        assert torch.equal(ours.scores, theirs["scores"][order])


def test_a_detector_has_torchvisions_losses_and_leaves_out_objects_without_area():
    model = built(DETECTOR, 3, size=320).train()
    truth = Detections(tensor([[10.0, 10, 200, 200], [5, 5, 5, 80]]), tensor([2, 0]), torch.ones(2))

    terms = model.loss(model(torch.rand(2, 3, 320, 320)), [truth, Detections.none()])

    assert {*terms} == {"bbox_regression", "classification"}
    assert all(term.isfinite() for term in terms.values())


def test_coco_has_eighty_labels_among_ninety_one():
    model = built(DETECTOR, 80, size=320, coco91=True)
    found = {"boxes": torch.rand(3, 4), "labels": tensor([1, 12, 90]), "scores": tensor([0.5, 0.9, 0.7])}

    [decoded] = model.decode([found])

    assert len(COCO_IDS) == 80
    assert decoded.labels.tolist() == [79, 0]
    assert decoded.scores.tolist() == pytest.approx([0.7, 0.5])


def test_what_it_does_not_have_is_refused():
    with pytest.raises(UnknownName, match="IMAGENET1K_V1"):
        built("squeezenet1_1", 5, transforms="IMAGENET1K_V3")
    with pytest.raises(UnknownName, match="torchvision/resnet50"):
        built("resnet05", 5)
    with pytest.raises(InputError, match="COCO's 80"):
        built(DETECTOR, 5, coco91=True)
    with pytest.raises(InputError, match="third stage"):
        built(SEGMENTER, 5, aux=True)


def test_the_members_of_a_family_are_found_and_not_listed():
    assert "torchvision/resnet50" in MODELS
    assert "torchvision/resnet05" not in MODELS
    assert not [name for name in MODELS if "/" in name]
