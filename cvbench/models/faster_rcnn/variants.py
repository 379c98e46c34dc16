"""The named variants, with checks of their options."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from torch import nn

from cvbench.models.building import check_share, check_width, choice, refusal, widened
from cvbench.models.detection import Reporting
from cvbench.models.faster_rcnn.backbones import ResNetPyramid, VggBackbone, freeze_norms
from cvbench.models.faster_rcnn.detector import DetectorRules, FasterRcnn
from cvbench.models.faster_rcnn.heads import Pooling, RoiHeads, TwoLayers
from cvbench.models.faster_rcnn.rpn import Anchors, Limits, RpnHead
from cvbench.models.faster_rcnn.targets import Share
from cvbench.models.labels import categories_of
from cvbench.models.resnet import ResNet, resnet18, resnet50
from cvbench.models.vgg import vgg16
from cvbench.spec.cell import Option

Preset: TypeAlias = Literal["voc", "coco", "small"]
Norm: TypeAlias = Literal["frozen", "batch"]

_PRESETS: Final[Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "voc": ((128, 256, 512), (0.5, 1.0, 2.0)),
    "coco": ((64, 128, 256, 512), (0.5, 1.0, 2.0)),
    "small": ((64, 128, 256), (0.5, 1.0, 1.5)),
}
"""Sizes (square roots of areas) in pixels, and ratios of height to width."""

_VGG_RULES: Final = DetectorRules(
    training=Limits(12_000, 2_000),
    evaluation=Limits(6_000, 300),
    anchors=Share(256, 0.5),
    regions=Share(128, 0.25),
    beta=1.0,
    across_border=False,
)
_PYRAMID_RULES: Final = DetectorRules(
    training=Limits(2_000, 2_000),
    evaluation=Limits(1_000, 1_000),
    anchors=Share(256, 0.5),
    regions=Share(512, 0.25),
    beta=1 / 9,
    across_border=True,
)
_SMALL_RULES: Final = _PYRAMID_RULES._replace(
    training=Limits(1_000, 1_000), evaluation=Limits(500, 300), regions=Share(128, 0.25)
)


def faster_rcnn_vgg16(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: Option | None = None,
    width: float = 1.0,
    anchors: str = "voc",
    scales: Option | None = None,
    ratios: Option | None = None,
    across_border: bool = False,
    pooling: str = "pool",
    dropout: float = 0.5,
    score_threshold: float = 0.05,
    nms_threshold: float = 0.3,
    max_detections: int = 100,
) -> FasterRcnn:
    """VGG-16, one map of stride 16, two fully connected layers of 4,096: the paper's detector.

    `scales` and `ratios` override the preset that `anchors` names.
    """
    name = "faster_rcnn_vgg16"
    canvas = _canvas(name, size, default=(608, 1008), multiple=16)
    check_width(name, width)
    check_share(name, "dropout", dropout)
    pooled: Pooling = choice(name, "pooling", pooling, Pooling)
    preset: Preset = choice(name, "anchors", anchors, Preset)
    sizes, shapes = _PRESETS[preset]
    placed = Anchors((_numbers(name, "scales", scales, sizes),), _numbers(name, "ratios", ratios, shapes))
    vgg = vgg16(1, width=width, dropout=dropout)
    backbone = VggBackbone(vgg)
    head, last = vgg.classifier[:-1], vgg.classifier[-1]
    assert isinstance(last, nn.Linear)
    return FasterRcnn(
        backbone,
        RpnHead(backbone.channels, anchors=placed.of_a_cell, logits=2),
        RoiHeads(
            head,
            hidden=last.in_features,
            classes=classes + 1,
            strides=backbone.strides,
            pooling=pooled,
        ),
        canvas=canvas,
        anchors=placed,
        categories=range(1, classes + 1),
        rules=_VGG_RULES._replace(across_border=across_border),
        reporting=Reporting(score_threshold, nms_threshold, max_detections).checked(name),
    )


def faster_rcnn_resnet50_fpn(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: Option | None = None,
    width: float = 1.0,
    scales: Option | None = None,
    ratios: Option | None = None,
    norm: str = "frozen",
    epsilon: float = 1e-5,
    coco91: bool = False,
    score_threshold: float = 0.05,
    nms_threshold: float = 0.5,
    max_detections: int = 100,
) -> FasterRcnn:
    """ResNet-50 with an FPN of five levels, two fully connected layers of 1,024: torchvision's version."""
    name = "faster_rcnn_resnet50_fpn"
    categories = categories_of(name, classes, coco91=coco91)
    check_width(name, width)
    return _with_pyramid(
        resnet50(1, width=width),
        width=width,
        canvas=_canvas(name, size, default=(800, 1344), multiple=32),
        anchors=_levels(name, scales, ratios, default=(32, 64, 128, 256, 512)),
        norm=choice(name, "norm", norm, Norm),
        epsilon=_epsilon(name, epsilon),
        categories=categories,
        rules=_PYRAMID_RULES,
        reporting=Reporting(score_threshold, nms_threshold, max_detections).checked(name),
    )


def faster_rcnn_resnet18_fpn(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: Option | None = None,
    width: float = 1.0,
    scales: Option | None = None,
    ratios: Option | None = None,
    norm: str = "batch",
    epsilon: float = 1e-5,
    score_threshold: float = 0.05,
    nms_threshold: float = 0.5,
    max_detections: int = 100,
) -> FasterRcnn:
    """ResNet-18 with an FPN of five levels, for small machines: fewer proposals and samples."""
    name = "faster_rcnn_resnet18_fpn"
    check_width(name, width)
    return _with_pyramid(
        resnet18(1, width=width),
        width=width,
        canvas=_canvas(name, size, default=(320, 320), multiple=32),
        anchors=_levels(name, scales, ratios, default=(16, 32, 64, 128, 256)),
        norm=choice(name, "norm", norm, Norm),
        epsilon=_epsilon(name, epsilon),
        categories=range(1, classes + 1),
        rules=_SMALL_RULES,
        reporting=Reporting(score_threshold, nms_threshold, max_detections).checked(name),
    )


def _with_pyramid(  # noqa: PLR0913 - what the two forms differ in
    resnet: ResNet,
    *,
    width: float,
    canvas: tuple[int, int],
    anchors: Anchors,
    norm: Norm,
    epsilon: float,
    categories: Sequence[int],
    rules: DetectorRules,
    reporting: Reporting,
) -> FasterRcnn:
    backbone = ResNetPyramid(resnet, channels=widened(256, width))
    if norm == "frozen":
        freeze_norms(backbone, epsilon=epsilon)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = epsilon
    hidden = widened(1024, width)
    return FasterRcnn(
        backbone,
        RpnHead(backbone.channels, anchors=anchors.of_a_cell, logits=1),
        RoiHeads(
            TwoLayers(backbone.channels, hidden),
            hidden=hidden,
            classes=max(categories) + 1,
            strides=[backbone.strides[level] for level in backbone.pooled],
            pooling="align",
        ),
        canvas=canvas,
        anchors=anchors,
        categories=categories,
        rules=rules,
        reporting=reporting,
    )


def _canvas(model: str, size: Option | None, *, default: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Height and width of the input in pixels; a single number sets both."""
    if size is None:
        return default
    sides = tuple(size) if isinstance(size, list | tuple) else (size, size)
    whole = [side for side in sides if isinstance(side, int) and not isinstance(side, bool)]
    if len(sides) != 2 or len(whole) != 2 or any(side < multiple or side % multiple for side in whole):
        wanted = f"a multiple of {multiple}, at least {multiple}, or two of them [height, width]"
        raise refusal(model, "size", size, wanted=wanted)
    return whole[0], whole[1]


def _levels(model: str, scales: Option | None, ratios: Option | None, *, default: Sequence[float]) -> Anchors:
    """One anchor size for each of the five levels, and the ratios for all of them."""
    sizes = _numbers(model, "scales", scales, default)
    if len(sizes) != len(default):
        raise refusal(model, "scales", scales, wanted=f"{len(default)} numbers above 0, one per level")
    return Anchors(tuple((size,) for size in sizes), _numbers(model, "ratios", ratios, (0.5, 1.0, 2.0)))


def _numbers(model: str, option: str, values: Option | None, default: Sequence[float]) -> tuple[float, ...]:
    """The user's numbers, or the default for None; raises InputError unless all are above 0."""
    if values is None:
        return tuple(default)
    given = values if isinstance(values, list | tuple) else ()
    numbers = [
        value
        for value in given
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    ]
    if not numbers or len(numbers) != len(given):
        raise refusal(model, option, values, wanted="a list of numbers above 0")
    return tuple(numbers)


def _epsilon(model: str, epsilon: float) -> float:
    if not 0 <= epsilon < math.inf:
        raise refusal(model, "epsilon", epsilon, wanted="0 or more")
    return epsilon
