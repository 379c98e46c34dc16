"""PASCAL VOC matching of one class over a whole dataset; compiled."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.cpu.intersection import DEVKIT, Corners, area_of, shared_sides, union
from cvbench.boxes.jit import compiled, inlined

FALSE, TRUE, IGNORED = 0, 1, 2


@compiled
def match_by_voc(
    boxes: Float64[np.ndarray, "n 4"],
    image: Int64[np.ndarray, " n"],
    object_boxes: Float64[np.ndarray, "objects 4"],
    object_starts: Int64[np.ndarray, " images+1"],
    difficult: Bool[np.ndarray, " objects"],
    strict: bool,  # noqa: FBT001
) -> Int64[np.ndarray, " n"]:
    """FALSE, TRUE or IGNORED for each detection of one class; detections are sorted by falling score.

    A detection considers only the object of its image with the highest IoU (the first in a tie). It is FALSE
    if that IoU is below the threshold or the object is already matched.
    """
    fate = np.zeros(len(boxes), np.int64)
    found = np.zeros(len(object_boxes), np.bool_)
    for d in range(len(boxes)):
        most, best = -np.inf, -1
        box = box_at(boxes, d)
        for g in range(object_starts[image[d]], object_starts[image[d] + 1]):
            other = box_at(object_boxes, g)
            wide, high = shared_sides(box, other, DEVKIT)
            if wide > 0 and high > 0:
                shared = wide * high
                overlap = shared / union(shared, area_of(box, DEVKIT), area_of(other, DEVKIT))
                if overlap > most:
                    most, best = overlap, g
        if most < 0.5 or (strict and most == 0.5):
            continue
        if difficult[best]:
            fate[d] = IGNORED
        elif not found[best]:
            fate[d] = TRUE
            found[best] = True
    return fate


@inlined
def box_at(boxes: Float64[np.ndarray, "n 4"], i: int) -> Corners:
    """The corners of one box."""
    return boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
