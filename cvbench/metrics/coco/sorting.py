"""The orders in which detections are looked at, compiled.

Matching goes image by image, class by class, best score first. The curves go class by class, best
score first over all images. Equal scores stand as the reference has them: by image, and in the order
of the input within one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from cvbench.boxes.jit import compiled


class Grouped(NamedTuple):
    """Places, sorted by a small whole number; those of value `v` are `order[starts[v]:starts[v + 1]]`."""

    order: Int64[np.ndarray, " n"]
    starts: Int64[np.ndarray, " values+1"]


@compiled
def group(keys: Int64[np.ndarray, " n"], values: int) -> Grouped:
    """The stable order of keys among 0 … `values` - 1, by counting."""
    starts = np.zeros(values + 1, np.int64)
    for key in keys:
        starts[key + 1] += 1
    for value in range(values):
        starts[value + 1] += starts[value]
    free = starts.copy()
    order = np.empty(len(keys), np.int64)
    for place in range(len(keys)):
        key = keys[place]
        order[free[key]] = place
        free[key] += 1
    return Grouped(order, starts)


@compiled
def sort_by_falling_score(order: Int64[np.ndarray, " n"], scores: Float64[np.ndarray, " all"]) -> None:
    """Sort places by the score there, highest first, in place and stable; NaN is not expected."""
    n, width = len(order), 24
    for first in range(0, n, width):
        for i in range(first + 1, min(first + width, n)):
            this, free = order[i], i
            score = scores[this]
            while free > first and scores[order[free - 1]] < score:
                order[free] = order[free - 1]
                free -= 1
            order[free] = this
    merged = np.empty(n if n > width else 0, np.int64)
    while width < n:
        for first in range(0, n, 2 * width):
            left, middle = first, min(first + width, n)
            right, last = middle, min(first + 2 * width, n)
            for i in range(first, last):
                if right == last or (left < middle and scores[order[left]] >= scores[order[right]]):
                    merged[i] = order[left]
                    left += 1
                else:
                    merged[i] = order[right]
                    right += 1
        for i in range(n):
            order[i] = merged[i]
        width *= 2


class Ranked(NamedTuple):
    """Detections by image, class and falling score."""

    place: Int64[np.ndarray, " n"]
    """In the input."""
    label: Int64[np.ndarray, " n"]
    level: Int64[np.ndarray, " n"]
    """How many of the limits on detections an image and class leave it out."""


@compiled
def rank(
    place: Int64[np.ndarray, " n"],
    starts: Int64[np.ndarray, " images+1"],
    labels: Int64[np.ndarray, " all"],
    scores: Float64[np.ndarray, " all"],
    limits: Int64[np.ndarray, " limits"],
    classes: int,
) -> Ranked:
    """Detections whose places are grouped by image, in the order of matching."""
    n = len(place)
    ranked = Ranked(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64))
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
