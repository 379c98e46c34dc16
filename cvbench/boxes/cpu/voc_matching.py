"""The matching rule of PASCAL VOC for one class over a whole dataset; compiled."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.jit import compiled

FALSE, TRUE, IGNORED = 0, 1, 2


@compiled
def judge(
    boxes: Float64[np.ndarray, "n 4"],
    image: Int64[np.ndarray, " n"],
    object_boxes: Float64[np.ndarray, "objects 4"],
    object_starts: Int64[np.ndarray, " images+1"],
    difficult: Bool[np.ndarray, " objects"],
    strict: bool,  # noqa: FBT001
) -> Int64[np.ndarray, " n"]:
    """What becomes of each detection of one class, best first.

    It looks at one object only, that of its image which it overlaps most (the first among equals). If
    that is little, or somebody has found the object already, it is false; there is no second choice.
    """
    fate = np.zeros(len(boxes), np.int64)
    found = np.zeros(len(object_boxes), np.bool_)
    for d in range(len(boxes)):
        most, best = -np.inf, -1
        for g in range(object_starts[image[d]], object_starts[image[d] + 1]):
            x1, y1 = max(boxes[d, 0], object_boxes[g, 0]), max(boxes[d, 1], object_boxes[g, 1])
            x2, y2 = min(boxes[d, 2], object_boxes[g, 2]), min(boxes[d, 3], object_boxes[g, 3])
            wide, high = x2 - x1 + 1, y2 - y1 + 1
            if wide > 0 and high > 0:
                shared = wide * high
                overlap = shared / (area(boxes, d) + area(object_boxes, g) - shared)
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


@compiled
def area(boxes: Float64[np.ndarray, "n 4"], i: int) -> float:
    """How many pixels a box covers, its last row and column among them."""
    return float((boxes[i, 2] - boxes[i, 0] + 1) * (boxes[i, 3] - boxes[i, 1] + 1))
