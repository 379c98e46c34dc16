"""Which detections of a class are true, false or passed over, by any set of rules; compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.jit import compiled, inner

FALSE, TRUE, IGNORED = 0, 1, 2


class Shapes(NamedTuple):
    """The same boxes twice."""

    xywh: Float64[np.ndarray, "n 4"]
    corners: Float64[np.ndarray, "n 4"]
    """As VOC's files have them: pixels from 1, the last one inside."""


class Task(NamedTuple):
    """The detections and objects of one class by image; detections by falling score within one."""

    found: Shapes
    starts: Int64[np.ndarray, " images+1"]
    true: Shapes
    true_starts: Int64[np.ndarray, " images+1"]
    excused: Bool[np.ndarray, " objects"]
    lost: Bool[np.ndarray, " objects"]
    """Whoever finds it has found nothing."""


@compiled
def judge(  # noqa: C901, PLR0912, two ways of choosing in one loop over the same overlaps
    task: Task,
    threshold: float,
    strict: bool,  # noqa: FBT001, compiled functions take arguments by place
    by_share: bool,  # noqa: FBT001
    best_free: bool,  # noqa: FBT001
    pixels: bool,  # noqa: FBT001
) -> Int64[np.ndarray, " detections"]:
    """The fate of each detection.

    `by_share`: what is excused is overlapped by the share of the detection that lies in it.
    `best_free`: a detection takes the best object that is free, and an excused one only where there is
    no other; of equal ones the last. Otherwise it looks at the object that it overlaps most, of equal
    ones the first, and at no other. What is excused is free again and again.
    """
    fate = np.zeros(len(task.found.xywh), np.int64)
    taken = np.zeros(len(task.true.xywh), np.bool_)
    for image in range(len(task.starts) - 1):
        objects = range(task.true_starts[image], task.true_starts[image + 1])
        for d in range(task.starts[image], task.starts[image + 1]):
            best, most, best_excused, most_excused = -1, -1.0, -1, -1.0
            for g in objects:
                overlap = overlap_of(task, d, g, by_share and task.excused[g], pixels)
                if overlap < 0:
                    continue
                if best_free:
                    if overlap < threshold or (strict and overlap == threshold):
                        continue
                    if task.excused[g]:
                        if overlap >= most_excused:
                            best_excused, most_excused = g, overlap
                    elif not taken[g] and overlap >= most:
                        best, most = g, overlap
                elif overlap > most:
                    best, most = g, overlap
            if best_free:
                if best >= 0:
                    taken[best] = True
                    fate[d] = FALSE if task.lost[best] else TRUE
                elif best_excused >= 0:
                    fate[d] = IGNORED
            elif best >= 0 and (most > threshold or (most == threshold and not strict)):
                if task.excused[best]:
                    fate[d] = IGNORED
                elif not taken[best]:
                    taken[best] = True
                    fate[d] = FALSE if task.lost[best] else TRUE
    return fate


@inner
def overlap_of(task: Task, d: int, g: int, by_share: bool, pixels: bool) -> float:  # noqa: FBT001
    """The IoU, or the share of the detection; -1 where the boxes do not meet."""
    if pixels:
        a, b = task.found.corners[d], task.true.corners[g]
        wide = min(a[2], b[2]) - max(a[0], b[0]) + 1
        high = min(a[3], b[3]) - max(a[1], b[1]) + 1
        own = (a[2] - a[0] + 1) * (a[3] - a[1] + 1)
        other = (b[2] - b[0] + 1) * (b[3] - b[1] + 1)
    else:
        a, b = task.found.xywh[d], task.true.xywh[g]
        wide = min(a[2] + a[0], b[2] + b[0]) - max(a[0], b[0])
        high = min(a[3] + a[1], b[3] + b[1]) - max(a[1], b[1])
        own, other = a[2] * a[3], b[2] * b[3]
    if wide <= 0 or high <= 0:
        return -1.0
    shared = wide * high
    return float(shared / own) if by_share else float(shared / (own + other - shared))
