"""What the COCO evaluation takes: a whole data set as flat arrays, one entry an object.

Arrays rather than objects, because that is what files, tensors and other programs' results turn into
most directly, and what compiled loops run over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt32

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


@dataclass(frozen=True, eq=False)
class CocoTruth:
    """All objects of a data set."""

    image: Int64[np.ndarray, " n"]
    """The image that each object is in: any number. Where scores tie, images count in its order."""
    label: Int64[np.ndarray, " n"]
    """0 … classes - 1."""
    regions: Regions
    area: Float64[np.ndarray, " n"]
    """What counts as the object's size; by COCO's custom its mask's area, also where boxes are scored."""
    crowd: Bool[np.ndarray, " n"]
    """Regions of many objects: they need not be found, and to find them costs nothing."""
    id: Int64[np.ndarray, " n"] | None = None
    """Needed only to be wrong in company: the reference takes an object with id 0 for not found."""


@dataclass(frozen=True, eq=False)
class CocoDetections:
    """All detections of a data set; among equals of one image and class, earlier ones are better."""

    image: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]
    regions: Regions
    score: Float64[np.ndarray, " n"]
    """Any finite numbers."""
    area: Float64[np.ndarray, " n"] | None = None
    """What counts as the detection's size, where that is not what its region covers: the reference
    takes the box's area where results hold boxes and masks, and the mask's where boxes are made of them."""
