import pytest
import torch
from torch import nn

from cvbench.errors import InputError
from cvbench.models.faster_rcnn import faster_rcnn_resnet18_fpn, faster_rcnn_resnet50_fpn, faster_rcnn_vgg16
from cvbench.models.faster_rcnn.backbones import FrozenNorm


def count(builder, classes, **options):
    with torch.device("meta"):
        return sum(p.numel() for p in builder(classes, **options).parameters())


def test_twelve_anchors_make_the_papers_detector_of_coco():
    assert count(faster_rcnn_vgg16, 80, anchors="coco") == 138_316_573


def test_norms_that_learn_have_as_many_numbers_as_torchvisions():
    assert count(faster_rcnn_resnet50_fpn, 90, norm="batch") == 41_755_286 + 53_120


@pytest.mark.parametrize(
    ("options", "sizes", "ratios"),
    [
        ({}, (128, 256, 512), (0.5, 1, 2)),
        ({"anchors": "small"}, (64, 128, 256), (0.5, 1, 1.5)),
        ({"anchors": "coco", "ratios": (1,)}, (64, 128, 256, 512), (1,)),
        ({"scales": (16, 40.5)}, (16, 40.5), (0.5, 1, 2)),
    ],
)
def test_anchors_are_a_presets_or_the_users(options, sizes, ratios):
    with torch.device("meta"):
        model = faster_rcnn_vgg16(2, width=0.125, **options)
    assert model.anchors == ((sizes,), ratios)
    assert model.rpn.head.bbox_pred.out_channels == 4 * len(sizes) * len(ratios)


def test_the_head_on_vgg_is_that_of_the_classifier():
    with torch.device("meta"):
        head = faster_rcnn_vgg16(20).roi_heads.box_head
    assert [(m.in_features, m.out_features) for m in head if isinstance(m, nn.Linear)] == [
        (25088, 4096),
        (4096, 4096),
    ]
    assert [m.p for m in head if isinstance(m, nn.Dropout)] == [0.5, 0.5]


@pytest.mark.parametrize(("norm", "kind"), [("frozen", FrozenNorm), ("batch", nn.BatchNorm2d)])
def test_the_norm_and_its_epsilon_are_as_asked(norm, kind):
    model = faster_rcnn_resnet18_fpn(2, width=0.125, norm=norm, epsilon=0.5)
    norms = [m for m in model.modules() if isinstance(m, FrozenNorm | nn.BatchNorm2d)]
    assert len(norms) == 20
    assert all(isinstance(m, kind) for m in norms)
    assert {m.epsilon if norm == "frozen" else m.eps for m in norms} == {0.5}


def test_a_frozen_norm_does_in_training_what_it_does_in_evaluation():
    norm = FrozenNorm(3, epsilon=1e-5)
    for value in norm.state_dict().values():
        value.uniform_(0.5, 2)
    x = torch.randn(2, 3, 4, 4)
    scale = norm.weight / (norm.running_var + 1e-5).sqrt()
    expected = (x - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(norm.train()(x), expected)
    assert torch.equal(norm.train()(x), norm.eval()(x))


def test_sides_of_the_canvas_may_differ():
    model = faster_rcnn_resnet18_fpn(2, width=0.125, size=(64, 96))
    assert model.preprocessing.size == (64, 96)
    assert (model.preprocessing.resize, model.preprocessing.fill) == ("letterbox", 114)
    assert faster_rcnn_resnet18_fpn(2, width=0.125, size=64).preprocessing.size == (64, 64)


@pytest.mark.parametrize(
    ("builder", "options", "wanted"),
    [
        (faster_rcnn_vgg16, {"size": 100}, "a multiple of 16, at least 16"),
        (faster_rcnn_resnet18_fpn, {"size": (64, 50)}, "a multiple of 32, at least 32"),
        (faster_rcnn_resnet18_fpn, {"size": (64,)}, "a multiple of 32, at least 32"),
        (faster_rcnn_resnet18_fpn, {"size": "large"}, "a multiple of 32, at least 32"),
        (faster_rcnn_vgg16, {"anchors": "tiny"}, "voc or coco or small"),
        (faster_rcnn_vgg16, {"scales": ()}, "a list of numbers above 0"),
        (faster_rcnn_vgg16, {"scales": (64, 0)}, "a list of numbers above 0"),
        (faster_rcnn_vgg16, {"ratios": (1, float("inf"))}, "a list of numbers above 0"),
        (faster_rcnn_vgg16, {"ratios": 1.5}, "a list of numbers above 0"),
        (faster_rcnn_vgg16, {"pooling": "mean"}, "pool or align"),
        (faster_rcnn_vgg16, {"dropout": 2.0}, "between 0 and 1"),
        (faster_rcnn_resnet18_fpn, {"scales": (32, 64)}, "5 numbers above 0, one per level"),
        (faster_rcnn_resnet50_fpn, {"norm": "group"}, "frozen or batch"),
        (faster_rcnn_resnet50_fpn, {"epsilon": -1.0}, "0 or more"),
        (faster_rcnn_resnet50_fpn, {"coco91": True}, "false for 2 classes; it is for COCO's 80"),
        (faster_rcnn_resnet50_fpn, {"nms_threshold": 1.5}, "between 0 and 1"),
    ],
)
def test_unusable_options_are_refused(builder, options, wanted):
    option = next(iter(options))
    message = f"{builder.__name__}: {option}=.* cannot be used: it must be {wanted}"
    with torch.device("meta"), pytest.raises(InputError, match=message):
        builder(2, width=0.125, **options)
