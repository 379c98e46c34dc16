"""Models with published weights have the architecture and the preprocessing of these weights.

No weights are bundled, so torchvision gets random ones instead of its download, and builds its model for
them as usual.
"""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models import WeightsEnum

from cvbench.data.images.color import normalize
from cvbench.data.images.geometry import fit
from cvbench.models.building import build_model
from cvbench.models.weights.loading import load_weights
from cvbench.spec.cell import ModelSpec

PUBLISHED = [
    (name, weights)
    for module in (models.detection, models.segmentation)
    for name in models.list_models(module=module)
    if not name.startswith("keypoint")
    for weights in models.get_model_weights(name)
]
FROZEN = (
    "FasterRCNN_MobileNet",
    *(f"{net}_ResNet50_FPN_Weights" for net in ("FasterRCNN", "FCOS", "MaskRCNN", "RetinaNet")),
)
"""Detectors whose published weights have frozen norms in the backbone."""


@pytest.mark.parametrize(("name", "weights"), PUBLISHED, ids=str)
def test_a_net_for_published_weights_has_as_many_parameters_as_they_say(name, weights):
    classes = 21 if "VOC" in weights.name else 80
    with torch.device("meta"):
        model = build_model(ModelSpec(name=f"torchvision/{name}", weights=str(weights)), classes)
    counted = sum(parameter.numel() for parameter in model.parameters())
    if str(weights).startswith(FROZEN):
        norms = (m for m in model.backbone.modules() if isinstance(m, nn.BatchNorm2d))
        counted -= sum(parameter.numel() for norm in norms for parameter in norm.parameters())
    assert counted == weights.meta["num_params"]


def peer_of(name, weights, monkeypatch):
    """What torchvision builds for its weights, with random tensors in their place."""
    torch.manual_seed(0)
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: None)
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda *_, **__: None)
    peer = models.get_model(name, weights=weights).eval()
    monkeypatch.undo()
    for tensor_name, tensor in peer.state_dict().items():
        if tensor_name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif tensor_name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        elif tensor_name.endswith("cls_score.weight"):
            tensor.mul_(30)  # else no class gets a score that is reported
    return peer


def both(weights, source, tmp_path, monkeypatch):
    """cvbench's model and torchvision's with the same weights, and an image as cvbench preprocesses it."""
    enum = models.get_weight(weights)
    name = {type(models.get_model_weights(n).DEFAULT): n for n in models.list_models()}[type(enum)]
    peer = peer_of(name, enum, monkeypatch)
    torch.save(peer.state_dict(), tmp_path / "w.pth")
    spec = ModelSpec(name=f"torchvision/{name}", weights=weights)
    model = build_model(spec, 21 if "VOC" in weights else 80).eval()
    load_weights(model, tmp_path / "w.pth")
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, *source), np.uint8))
    fitted = fit(image, None, model.preprocessing)
    with torch.no_grad():
        [found] = model.decode(model(normalize(fitted.image[None], model.preprocessing)))
    return enum, peer, image, fitted.placement, found


@pytest.mark.full
@pytest.mark.parametrize(
    "weights",
    [
        "FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.COCO_V1",
        "SSDLite320_MobileNet_V3_Large_Weights.COCO_V1",
        pytest.param("FasterRCNN_ResNet50_FPN_Weights.COCO_V1", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("source", [(333, 500), (640, 427)])
def test_a_detector_finds_what_torchvisions_finds(weights, source, tmp_path, monkeypatch):
    enum, peer, image, placement, found = both(weights, source, tmp_path, monkeypatch)
    with torch.no_grad():
        [expected] = peer([image / 255])
    named = torch.tensor([category != "N/A" for category in enum.meta["categories"]])
    kept = named[expected["labels"]]
    ours = placement.restore(found)
    assert len(ours) > 0
    # The image was rounded to 8 bits on its way: a score near the threshold, or an order, may change.
    assert len(ours) == pytest.approx(int(kept.sum()), abs=3)
    first = min(len(ours), int(kept.sum()), 5)
    assert torch.allclose(ours.scores[:first], expected["scores"][kept][:first], atol=2e-2)


@pytest.mark.full
@pytest.mark.parametrize("source", [(333, 500), (640, 427)])
def test_a_segmenter_labels_pixels_as_torchvisions_does(source, tmp_path, monkeypatch):
    weights = "LRASPP_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1"
    enum, peer, image, _, found = both(weights, source, tmp_path, monkeypatch)
    with torch.no_grad():
        expected = peer(enum.transforms()(image)[None])["out"].argmax(1)[0]
    assert found.labels.shape == expected.shape
    assert torch.equal(found.labels.long(), expected)
