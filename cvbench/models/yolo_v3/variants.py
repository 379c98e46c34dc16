"""The named forms, and what their options may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast, get_args

from cvbench.models.options import check_share, check_size, check_width, refusal
from cvbench.models.yolo_v3.detector import Reporting, YoloV3
from cvbench.models.yolo_v3.nets import Darknet53, TinyDarknet
from cvbench.models.yolo_v3.targets import Ignore
from cvbench.spec import Option

# Width and height in pixels of a 416 x 416 input: the authors' clusters of COCO's boxes.
_PRIORS = ((10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (116, 90), (156, 198), (373, 326))
_TINY_PRIORS = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))


def yolo_v3(
    classes: int,
    *,
    size: int = 416,
    width: float = 1.0,
    anchors: Option | None = None,
    ignore: str = "prior",
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
        priors=_priors(name, anchors, default=_PRIORS, size=size),
        ignore=_rule(name, ignore),
        reporting=_reporting(name, score_threshold, nms_threshold, max_detections),
    )


def yolo_v3_tiny(
    classes: int,
    *,
    size: int = 416,
    width: float = 1.0,
    anchors: Option | None = None,
    ignore: str = "prior",
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
        priors=_priors(name, anchors, default=_TINY_PRIORS, size=size),
        ignore=_rule(name, ignore),
        reporting=_reporting(name, score_threshold, nms_threshold, max_detections),
    )


def _reporting(model: str, score_threshold: float, nms_threshold: float, max_detections: int) -> Reporting:
    """The three once they are sound."""
    check_share(model, "score_threshold", score_threshold)
    check_share(model, "nms_threshold", nms_threshold)
    if max_detections < 1:
        raise refusal(model, "max_detections", max_detections, wanted="1 or more")
    return Reporting(score_threshold, nms_threshold, max_detections)


def _rule(model: str, ignore: str) -> Ignore:
    """The rule of this name."""
    if ignore not in get_args(Ignore):
        raise refusal(model, "ignore", ignore, wanted=" or ".join(get_args(Ignore)))
    return cast("Ignore", ignore)


def _priors(
    model: str, anchors: Option | None, *, default: Sequence[tuple[int, int]], size: int
) -> Sequence[tuple[float, float]]:
    """The user's anchors once they are sound, or the paper's scaled from 416 pixels to `size`."""
    if anchors is None:
        return [(w * size / 416, h * size / 416) for w, h in default]
    given = anchors if isinstance(anchors, list | tuple) else ()
    pairs = [pair for pair in given if isinstance(pair, list | tuple) and len(pair) == 2]
    sides = [side for pair in pairs for side in pair if isinstance(side, int | float)]
    sound = len(sides) == 2 * len(default) and all(0 < side < math.inf for side in sides)
    if not sound or len(given) != len(default):
        raise refusal(model, "anchors", anchors, wanted=f"{len(default)} pairs [width, height] above 0")
    return list(zip(sides[::2], sides[1::2], strict=True))
