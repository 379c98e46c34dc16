"""The named variants, with checks of their options."""

from __future__ import annotations

from cvbench.models.building import check_share, check_size, check_width, refusal
from cvbench.models.detection import Reporting
from cvbench.models.yolo.yolo_v1.detector import Layout, YoloV1
from cvbench.models.yolo.yolo_v1.nets import STRIDE, darknet_net, paper_net, tiny_net


def yolo_v1(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: int = 448,
    width: float = 1.0,
    grid: int = 7,
    norm: bool = True,
    dropout: float = 0.5,
    top_class_only: bool = False,
    score_threshold: float = 0.001,
    nms_threshold: float = 0.5,
    max_detections: int = 100,
) -> YoloV1:
    """The paper's version: 24 convolutions and two fully connected layers; two boxes per cell."""
    name = "yolo_v1"
    layout = _layout(name, grid=grid, boxes=2, classes=classes)
    side = _side(name, size, width)
    check_share(name, "dropout", dropout)
    net = paper_net(outputs=layout.outputs, side=side, width=width, norm=norm, dropout=dropout)
    reporting = Reporting(score_threshold, nms_threshold, max_detections).checked(name)
    return YoloV1(net, layout, size=size, top_class_only=top_class_only, reporting=reporting)


def yolo_v1_darknet(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: int = 448,
    width: float = 1.0,
    grid: int = 7,
    dropout: float = 0.5,
    top_class_only: bool = False,
    score_threshold: float = 0.001,
    nms_threshold: float = 0.5,
    max_detections: int = 100,
) -> YoloV1:
    """The version of the released weights: a locally connected layer; three boxes per cell."""
    name = "yolo_v1_darknet"
    layout = _layout(name, grid=grid, boxes=3, classes=classes)
    side = _side(name, size, width)
    check_share(name, "dropout", dropout)
    net = darknet_net(outputs=layout.outputs, side=side, width=width, dropout=dropout)
    reporting = Reporting(score_threshold, nms_threshold, max_detections).checked(name)
    return YoloV1(net, layout, size=size, top_class_only=top_class_only, reporting=reporting)


def yolo_v1_tiny(
    classes: int,
    *,
    size: int = 448,
    width: float = 1.0,
    grid: int = 7,
    top_class_only: bool = False,
    score_threshold: float = 0.001,
    nms_threshold: float = 0.5,
    max_detections: int = 100,
) -> YoloV1:
    """Eight convolutions and one fully connected layer; two boxes per cell."""
    name = "yolo_v1_tiny"
    layout = _layout(name, grid=grid, boxes=2, classes=classes)
    net = tiny_net(outputs=layout.outputs, side=_side(name, size, width), width=width)
    reporting = Reporting(score_threshold, nms_threshold, max_detections).checked(name)
    return YoloV1(net, layout, size=size, top_class_only=top_class_only, reporting=reporting)


def _side(model: str, size: int, width: float) -> int:
    """Side of the last map; checks the options that determine it."""
    check_size(model, size, least=STRIDE, multiple=STRIDE)
    check_width(model, width)
    return size // STRIDE


def _layout(model: str, *, grid: int, boxes: int, classes: int) -> Layout:
    if grid < 1:
        raise refusal(model, "grid", grid, wanted="1 or more")
    return Layout(grid, boxes, classes)
