"""The named forms, and what their options may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cvbench.models.detection import Reporting
from cvbench.models.options import check_size, check_width, choice
from cvbench.models.yolo.targets import Owners, Rules, Whose
from cvbench.models.yolo.yolo_anchors import anchors_of
from cvbench.models.yolo.yolo_v3.detector import YoloV3
from cvbench.models.yolo.yolo_v3.nets import Darknet53, TinyDarknet
from cvbench.spec.cell import Option

# Width and height in pixels: the authors' clusters of COCO's boxes at 416 pixels.
_PRIORS = ((10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (116, 90), (156, 198), (373, 326))
_TINY_PRIORS = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
_ABOVE: Final[Mapping[str, float]] = {"prior": 0.5, "prediction": 0.7}
"""The IoU beyond which a predictor is excused: by its prior in the paper, by its prediction in darknet."""


def yolo_v3(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: int = 416,
    width: float = 1.0,
    anchors: Option | None = None,
    ignore: str = "prior",
    owners: str = "one",
    score_threshold: float = 0.005,
    nms_threshold: float = 0.45,
    max_detections: int = 100,
) -> YoloV3:
    """Darknet-53 and three detection layers of three priors each.

    `anchors` are nine (width, height) in pixels of the prepared input, small to large: three each
    for the layers of stride 8, 16 and 32.
    """
    name = "yolo_v3"
    check_size(name, size, least=32, multiple=32)
    check_width(name, width)
    return YoloV3(
        Darknet53(classes=classes, width=width),
        classes=classes,
        size=size,
        priors=anchors_of(name, anchors, default=_PRIORS),
        rules=_rules(name, ignore, owners),
        reporting=Reporting(score_threshold, nms_threshold, max_detections).checked(name),
    )


def yolo_v3_tiny(  # noqa: PLR0913 - each is an option of the Card
    classes: int,
    *,
    size: int = 416,
    width: float = 1.0,
    anchors: Option | None = None,
    ignore: str = "prior",
    owners: str = "one",
    score_threshold: float = 0.005,
    nms_threshold: float = 0.45,
    max_detections: int = 100,
) -> YoloV3:
    """Seven convolutions and two detection layers of three priors each.

    `anchors` are six (width, height) in pixels of the prepared input, small to large: the first
    three go to the layer of stride 16, the others to that of stride 32.
    """
    name = "yolo_v3_tiny"
    check_size(name, size, least=32, multiple=32)
    check_width(name, width)
    return YoloV3(
        TinyDarknet(classes=classes, width=width),
        classes=classes,
        size=size,
        priors=anchors_of(name, anchors, default=_TINY_PRIORS),
        rules=_rules(name, ignore, owners),
        reporting=Reporting(score_threshold, nms_threshold, max_detections).checked(name),
    )


def _rules(model: str, ignore: str, owners: str) -> Rules:
    """The rules of these names."""
    whose: Whose = choice(model, "ignore", ignore, Whose)
    owning: Owners = choice(model, "owners", owners, Owners)
    return Rules(whose, _ABOVE[whose], owning)
