"""The named forms, and what their options may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast, get_args

from cvbench.models.options import check_share, check_size, check_width, refusal
from cvbench.models.yolo_v3.detector import YoloV3
from cvbench.models.yolo_v3.nets import TinyDarknet
from cvbench.models.yolo_v3.targets import Ignore
from cvbench.spec import Option

_TINY_PRIORS = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
"""Width and height in pixels of a 416 x 416 input: the authors' clusters of COCO's boxes."""


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
    check_share(name, "score_threshold", score_threshold)
    check_share(name, "nms_threshold", nms_threshold)
    if max_detections < 1:
        raise refusal(name, "max_detections", max_detections, wanted="1 or more")
    return YoloV3(
        TinyDarknet(classes=classes, width=width),
        classes=classes,
        size=size,
        priors=_priors(name, anchors, default=_TINY_PRIORS, size=size),
        ignore=_rule(name, ignore),
        score_threshold=score_threshold,
        nms_threshold=nms_threshold,
        max_detections=max_detections,
    )


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
