"""With torchvision's weights, detections and losses equal torchvision's.

Images have a size that torchvision does not resize, so both models get the same pixels.
"""

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from cvbench.errors import InputError
from cvbench.models.faster_rcnn import faster_rcnn_resnet50_fpn
from cvbench.models.faster_rcnn.targets import Share
from cvbench.models.weights.loading import load_weights
from cvbench.values import Detections
from tests.models.faster_rcnn.peer import faster_rcnn_of_torchvision, livelier

SIZE = (96, 128)


def normalised(model, images):
    mean, deviation = (
        torch.tensor(values)[:, None, None] for values in (model.preprocessing.mean, model.preprocessing.std)
    )
    return (images - mean) / deviation


@pytest.fixture(scope="module")
def peer():
    torch.manual_seed(0)
    return livelier(faster_rcnn_of_torchvision(91, size=SIZE))


@pytest.fixture(scope="module")
def file(peer, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "weights.pth"
    torch.save(peer.state_dict(), path)
    return path


def loaded(file, classes=90, **options):
    with torch.device("meta"):
        model = faster_rcnn_resnet50_fpn(classes, size=SIZE, **options)
    model.to_empty(device="cpu")
    model.categories.copy_(torch.arange(1, classes + 1))  # what is in no file
    load_weights(model, file)
    return model.eval()


@pytest.mark.parametrize("norm", ["frozen", "batch"])
def test_names_and_shapes_are_torchvisions(norm):
    kind = {"frozen": FrozenBatchNorm2d, "batch": nn.BatchNorm2d}[norm]
    with torch.device("meta"):
        expected = faster_rcnn_of_torchvision(91, size=SIZE, norm=kind).state_dict()
        found = faster_rcnn_resnet50_fpn(90, norm=norm).state_dict()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in expected.items()}
    assert len(found) == (295 if norm == "frozen" else 348)


@pytest.mark.full
def test_its_detections_are_torchvisions(peer, file):
    model, images = loaded(file), torch.rand(2, 3, *SIZE)
    with torch.inference_mode():
        expected, found = peer(list(images)), model.decode(model(normalised(model, images)))
    for a, b in zip(expected, found, strict=True):
        assert len(b) == 100
        assert torch.equal(a["labels"] - 1, b.labels)
        torch.testing.assert_close(a["scores"], b.scores, rtol=0, atol=1e-5)
        torch.testing.assert_close(a["boxes"], b.boxes, rtol=0, atol=1e-3)


@pytest.mark.full
def test_its_losses_are_torchvisions_where_both_sample_everything(peer, file):
    everything = 1_000_000
    model, images = loaded(file).train(), torch.rand(2, 3, *SIZE)
    model.rules = model.rules._replace(anchors=Share(everything, 0.5), regions=Share(everything, 0.25))
    truths = [
        {"boxes": torch.tensor([[20.0, 30, 60, 90], [70, 10, 120, 40]]), "labels": torch.tensor([3, 90])},
        {"boxes": torch.tensor([[50.0, 40, 80, 60]]), "labels": torch.tensor([1])},
    ]
    samplers = (peer.rpn.fg_bg_sampler, peer.roi_heads.fg_bg_sampler)
    before = [sampler.batch_size_per_image for sampler in samplers]
    for sampler in samplers:
        sampler.batch_size_per_image = everything
    with torch.no_grad():
        expected = peer.train()(list(images), truths)
        found = model.loss(model(normalised(model, images)), [ours(truth) for truth in truths])
    peer.eval()
    for sampler, size in zip(samplers, before, strict=True):
        sampler.batch_size_per_image = size
    names = {
        "proposal": "loss_objectness",
        "proposal_box": "loss_rpn_box_reg",
        "class": "loss_classifier",
        "box": "loss_box_reg",
    }
    for name, theirs in names.items():
        torch.testing.assert_close(found[name], expected[theirs], rtol=1e-5, atol=0)


def ours(truth):
    return Detections(truth["boxes"], truth["labels"] - 1, torch.ones(len(truth["labels"])))


def test_the_91_outputs_of_its_coco_weights_are_cocos_80():
    options = {"size": 64, "width": 0.125}
    every = faster_rcnn_resnet50_fpn(90, **options).eval()
    of_coco = faster_rcnn_resnet50_fpn(80, coco91=True, **options).eval()
    of_coco.load_state_dict(every.state_dict())
    with torch.inference_mode():
        outputs = of_coco(torch.randn(1, 3, 64, 64))
        logits = torch.full_like(outputs.logits, -50)
        logits[..., 0] = 0
        # person, what names nothing, stop sign, toothbrush
        logits[0, 0, [1, 12, 13, 90]] = torch.tensor([6.0, 6.1, 6.2, 6.3])
        boxes = torch.tensor([[[0.0, 0, 9, 9]]]).expand_as(outputs.proposals)
        found = of_coco.decode(outputs._replace(logits=logits, proposals=boxes))[0]
    assert found.labels.tolist() == [79, 11, 0]


def test_names_from_before_torchvision_lengthened_them_are_read(peer, tmp_path):
    old = {
        name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")
        .replace(".0.weight", ".weight")
        .replace(".0.bias", ".bias")
        if "fpn" in name or "rpn.head.conv" in name
        else name: value
        for name, value in peer.state_dict().items()
    }
    assert len(set(old) - set(peer.state_dict())) == 18
    torch.save(old, tmp_path / "old.pth")
    model = loaded(tmp_path / "old.pth")
    assert all(torch.equal(value, peer.state_dict()[name]) for name, value in model.state_dict().items())


def test_another_number_of_classes_is_refused_with_both_shapes(file):
    message = r"cls_score\.weight is float32 \[91, 1024\] in the file, and the model has float32 \[21, 1024\]"
    with pytest.raises(InputError, match=message):
        loaded(file, classes=20)


def test_another_architecture_is_refused_with_the_first_name_that_differs(file):
    message = r"body\.conv1\.weight is float32 \[64, 3, 7, 7\] in the file, and .* float32 \[32, 3, 7, 7\]"
    with pytest.raises(InputError, match=message):
        loaded(file, width=0.5)
