"""Plain networks by import path: what they lack is added by the conventions of their tasks."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from cvbench.errors import InputError, SuiteError
from cvbench.models.building import build_model
from cvbench.spec.cell import ModelSpec, PreprocessingSpec
from cvbench.spec.suite import parse_suite
from cvbench.values import ClassScores, Detections, LabelMap


class Net(nn.Module):
    """Three channels to logits, wrapped as `wrap` says; children have reserved names."""

    def __init__(self, num_classes=4, wrap="", stride=1, *, dense=False):
        super().__init__()
        self.decode = nn.Conv2d(3, num_classes, 1, stride=stride)
        self.loss = nn.BatchNorm2d(num_classes)
        self.scale = nn.Parameter(torch.ones(()))
        self.register_buffer("steps", torch.zeros(()))
        self.wrap, self.dense = wrap, dense

    def forward(self, images):
        logits = self.loss(self.decode(images)) * self.scale
        logits = logits if self.dense else logits.mean((2, 3))
        wrapped = {
            "tuple": (logits, None),
            "logits": SimpleNamespace(loss=None, logits=logits),
            "out": {"aux": logits[:1], "out": logits},
            "other": {"prediction": logits},
            "loss": logits.sum(),
            "none": None,
        }
        return wrapped.get(self.wrap, logits)


class Finder(nn.Module):
    """A detector of torchvision's convention that finds the same object in every image."""

    def __init__(self, classes, box=(1.0, 2.0, 30.0, 40.0), label=1):
        super().__init__()
        self.head = nn.Linear(1, classes)
        self.box, self.label = box, label

    def forward(self, images, targets=None):
        if targets is not None:
            return {"boxes": sum(target["boxes"].sum() for target in targets) * self.head.weight.sum()}
        found = {
            "boxes": torch.tensor([self.box]),
            "labels": torch.tensor([self.label]),
            "scores": torch.tensor([0.5]),
        }
        return [found for _ in images]


def headless():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))


@pytest.fixture(autouse=True)
def own(monkeypatch):
    """A module `own` that holds the networks of this file."""
    module = ModuleType("own")
    for one in (Net, Finder, headless):
        setattr(module, one.__name__, one)
    module.made = headless()
    monkeypatch.setitem(sys.modules, "own", module)


def model(name="own:Net", task="classification", classes=4, preprocessing=None, **options):
    wanted = None if preprocessing is None else PreprocessingSpec(**preprocessing)
    return build_model(ModelSpec(name=name, task=task, options=options, preprocessing=wanted), classes)


@pytest.mark.parametrize("wrap", ["", "tuple", "logits", "out"])
def test_a_classifier_gives_the_softmax_of_its_logits_whatever_holds_them(wrap):
    net = model(wrap=wrap).eval()
    images = torch.rand(2, 3, 8, 8)
    logits = net._net.scale * net._net.loss(net._net.decode(images)).mean((2, 3))
    for found, row in zip(net.decode(net(images)), logits.softmax(1), strict=True):
        torch.testing.assert_close(found.scores, row)


def test_weights_keep_their_names_and_children_their_reserved_ones():
    net = model()
    assert net.state_dict().keys() == Net().state_dict().keys()
    weights = {name: torch.full_like(value, 0.5) for name, value in Net().state_dict().items()}
    net.load_state_dict(weights)
    assert net._net.decode.weight.unique().tolist() == [0.5]
    net.double()
    assert net._net.scale.dtype == torch.float64
    assert not net.eval()._net.loss.training
    assert net.train()._net.loss.training


def test_a_classifier_trains():
    torch.manual_seed(0)
    net = model()
    net.train()
    images = torch.rand(8, 3, 8, 8)
    truths = [ClassScores(F.one_hot(torch.tensor(k % 4), 4).float()) for k in range(8)]
    steps = torch.optim.SGD(net.parameters(), lr=0.5)
    losses = []
    for _ in range(5):
        loss = sum(net.loss(net(images), truths).values())
        losses.append(loss.item())
        steps.zero_grad()
        loss.backward()
        steps.step()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(("name", "classes"), [("own:headless", 4), ("own:made", 4)])
def test_a_factory_without_classes_and_a_module_object_are_taken_as_they_are(name, classes):
    net = model(name, classes=classes).eval()
    assert net(torch.rand(2, 3, 8, 8)).shape == (2, 4)


def test_segmentation_logits_of_any_stride_are_resized_to_the_input():
    net = model(task="segmentation", stride=4, dense=True, wrap="out").eval()
    images = torch.rand(2, 3, 16, 24)
    outputs = net(images)
    own = net._net(images)["out"]
    torch.testing.assert_close(outputs, F.interpolate(own, size=(16, 24), mode="bilinear"))
    assert [tuple(found.labels.shape) for found in net.decode(outputs)] == [(16, 24)] * 2
    truths = [LabelMap(torch.zeros(16, 24, dtype=torch.uint8)) for _ in range(2)]
    expected = F.cross_entropy(outputs, torch.zeros(2, 16, 24, dtype=torch.int64))
    torch.testing.assert_close(net.loss(outputs, truths)["cross_entropy"], expected)


def test_a_detector_of_torchvisions_convention_finds_and_trains():
    net = model("own:Finder", "detection", classes=3, label=3)
    images = torch.rand(2, 3, 64, 64)
    [first, _] = net.eval().decode(net(images))
    assert first.boxes.tolist() == [[1, 2, 30, 40]]
    assert first.labels.tolist() == [2]
    net.train()
    truth = Detections(torch.tensor([[0.0, 0, 4, 4]]), torch.tensor([1]), torch.ones(1))
    assert net.loss(net(images), [truth, truth])["boxes"].requires_grad


def test_torchvisions_own_detector_is_the_one_of_the_catalogue(monkeypatch):
    def ssd(classes):
        return torchvision.models.detection.ssdlite320_mobilenet_v3_large(
            weights=None, weights_backbone=None, num_classes=classes + 1
        )

    monkeypatch.setattr(sys.modules["own"], "ssd", ssd, raising=False)
    torch.manual_seed(0)
    mine = model("own:ssd", "detection", classes=3, preprocessing={"size": 320, "resize": "stretch"}).eval()
    theirs = build_model(ModelSpec(name="torchvision/ssdlite320_mobilenet_v3_large"), 3).eval()
    theirs.load_state_dict(mine.state_dict())
    images = torch.rand(1, 3, 320, 320)
    [a], [b] = mine.decode(mine(images)), theirs.decode(theirs(images))
    assert torch.equal(a.boxes, b.boxes)
    assert torch.equal(a.labels, b.labels)


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("classification", {"wrap": "none"}, r"returned None; expected logits of shape \(2, 4\)"),
        ("classification", {"wrap": "other"}, "a dict with the keys prediction"),
        ("classification", {"wrap": "loss"}, r"a tensor of shape \(\)"),
        ("classification", {"dense": True}, r"\(2, 4, 8, 8\); expected logits of shape \(2, 4\)"),
        ("segmentation", {}, r"\(2, 4\); expected logits of shape \(2, 4, h, w\)"),
    ],
)
def test_another_form_is_refused_with_what_came_and_what_is_expected(task, options, message):
    with pytest.raises(InputError, match=message):
        model(task=task, **options).eval()(torch.rand(2, 3, 8, 8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": 0}, "labels from 0 to 0; expected labels from 1 to 3; 0 is the background"),
        ({"label": 4}, "labels from 4 to 4"),
        ({"box": (0.1, 0.1, 0.5, 0.5)}, "boxes within 0 to 1; expected pixels"),
        ({"box": (30.0, 30.0, 10.0, 10.0)}, "expected xyxy, not xywh"),
    ],
)
def test_boxes_and_labels_of_another_convention_are_refused_with_the_remedy(options, message):
    net = model("own:Finder", "detection", classes=3, **options).eval()
    with pytest.raises(InputError, match=message):
        net(torch.rand(1, 3, 64, 64))


def test_how_images_come_in_is_said_in_the_suite_and_bgr_turns_channels_and_their_statistics():
    wanted = {"size": 32, "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6), "color": "bgr"}
    net = model(preprocessing=wanted).eval()
    assert net.preprocessing.size == (32, 32)
    assert (net.preprocessing.mean, net.preprocessing.std) == ((0.3, 0.2, 0.1), (0.6, 0.5, 0.4))
    images = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(net(images), net._net(images.flip(1)))


def test_the_keys_of_cells_without_a_preprocessing_are_unchanged_and_others_differ():
    spec = ModelSpec(name="own:MyNet", task="classification")
    assert "preprocessing" not in spec.model_dump_json(exclude_none=True)
    suite = """\
schema: 1
data: fashion
train: {{epochs: 1}}
models: [{{name: 'own:MyNet', task: classification{}}}]
"""
    keys = {
        parse_suite(suite.format(more), path="s.yaml").cells[0].key
        for more in ("", ", preprocessing: {size: 32}")
    }
    assert len(keys) == 2


def test_models_of_the_catalogue_refuse_a_preprocessing():
    entry = "{name: resnet18, preprocessing: {size: 32}}"
    text = f"schema: 1\ndata: fashion\ntrain: {{epochs: 1}}\nmodels: [{entry}]\n"
    with pytest.raises(SuiteError, match="resnet18 has its own preprocessing"):
        parse_suite(text, path="s.yaml")
