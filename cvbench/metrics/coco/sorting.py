"""Sorting of detections into matching order, by image, class and falling score; compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from cvbench.boxes.cpu.sorting import sort_by_falling_score
from cvbench.boxes.jit import compiled


class RankedDetections(NamedTuple):
    """Detections by image, class and falling score."""

    place: Int64[np.ndarray, " n"]
    """Index in the input."""
    label: Int64[np.ndarray, " n"]
    level: Int64[np.ndarray, " n"]
    """Number of `max_dets` limits that exclude the detection."""


@compiled
def rank(
    place: Int64[np.ndarray, " n"],
    starts: Int64[np.ndarray, " images+1"],
    labels: Int64[np.ndarray, " all"],
    scores: Float64[np.ndarray, " all"],
    limits: Int64[np.ndarray, " limits"],
    classes: int,
) -> RankedDetections:
    """Sort detections, whose indices `place` are grouped by image, into matching order."""
    n = len(place)
    ranked = RankedDetections(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64))
    free = np.zeros(classes + 1, np.int64)
    for image in range(len(starts) - 1):
        first, last = starts[image] - starts[0], starts[image + 1] - starts[0]
        free[:] = 0
        for d in range(first, last):
            free[labels[place[d]] + 1] += 1
        free[0] = first
        for label in range(classes):
            free[label + 1] += free[label]
        for d in range(first, last):
            label = labels[place[d]]
            ranked.place[free[label]] = place[d]
            ranked.label[free[label]] = label
            free[label] += 1
        while first < last:
            behind, level = first, 0
            while behind < last and ranked.label[behind] == ranked.label[first]:
                while level < len(limits) and behind - first >= limits[level]:
                    level += 1
                ranked.level[behind] = level
                behind += 1
            sort_by_falling_score(ranked.place[first:behind], scores)
            first = behind
    return ranked
