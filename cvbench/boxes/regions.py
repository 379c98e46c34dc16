"""What detections or objects cover, as flat arrays: boxes, or masks with the boxes around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, UInt32

from cvbench.boxes.masks import RunLengths, area, bounds
from cvbench.boxes.threads import in_threads, spans


class Regions(NamedTuple):
    """What detections or objects cover: boxes, or masks with the boxes around them.

    Boxes are (x, y, width, height) as COCO's files have them, not corners: the reference computes
    x + width, rounded, and the figures agree with it to the last bit only where it rounds.
    """

    xywh: Float64[np.ndarray, "n 4"]
    area: Float64[np.ndarray, " n"]
    """Of the mask, or of the box where there are none."""
    counts: UInt32[np.ndarray, " runs"]
    """The runs of masks; none for boxes."""
    starts: Int64[np.ndarray, " n+1|0"]


def box_regions(xywh: Float64[np.ndarray, "n 4"]) -> Regions:
    """Boxes, to be compared by their overlap as boxes."""
    xywh = np.ascontiguousarray(xywh)
    return Regions(xywh, xywh[:, 2] * xywh[:, 3], np.empty(0, np.uint32), np.empty(0, np.int64))


def mask_regions(masks: RunLengths) -> Regions:
    """Masks, to be compared pixel by pixel; all masks of an image have one size."""

    def measured(those: slice) -> tuple[Int64[np.ndarray, "some 4"], Int64[np.ndarray, " some"]]:
        starts = masks.starts[those.start : those.stop + 1]
        some = RunLengths(masks.counts, starts, masks.height[those], masks.width[those])
        return bounds(some), area(some)

    corners, areas = zip(*in_threads(measured, spans(masks.starts)), strict=True)
    xywh = np.concatenate(corners).astype(np.float64)
    xywh[:, 2:] -= xywh[:, :2]
    return Regions(xywh, np.concatenate(areas).astype(np.float64), masks.counts, masks.starts)


def joined(parts: Sequence[Regions]) -> Regions:
    """Regions of several images behind one another; all boxes or all masks."""
    shift = np.cumsum([0, *(len(part.counts) for part in parts)])
    starts = [part.starts[:-1] + s for part, s in zip(parts, shift, strict=False)]
    return Regions(
        np.concatenate([np.empty((0, 4)), *(part.xywh for part in parts)]),
        np.concatenate([np.empty(0), *(part.area for part in parts)]),
        np.concatenate([np.empty(0, np.uint32), *(part.counts for part in parts)]),
        np.concatenate([*starts, shift[-1:]])
        if any(len(part.starts) for part in parts)
        else np.empty(0, np.int64),
    )
