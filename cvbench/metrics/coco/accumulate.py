"""Precision at each recall from matched detections, for any weighting of the images; compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from cvbench.boxes.jit import compiled, inlined

_EPSILON = np.spacing(1)


class ClassDetections(NamedTuple):
    """One class's detections by falling score, and its objects.

    Detections that match an object in some setting are *hits*. Only the number of the others, *misses*,
    between hits matters, and only if a hit follows.
    """

    hit_image: Int64[np.ndarray, " hits"]
    hit_score: Float64[np.ndarray, " hits"]
    hit_level: Int64[np.ndarray, " hits"]
    """Number of `max_dets` limits that exclude the detection."""
    hit_inside: Int64[np.ndarray, " hits"]
    """Bit mask of the area ranges that contain the detection."""
    hit_found: Int64[np.ndarray, " hits"]
    hit_void: Int64[np.ndarray, " hits"]
    miss_starts: Int64[np.ndarray, " hits+1"]
    """The misses between hit `i - 1` and hit `i` are `miss_starts[i]:miss_starts[i + 1]`."""
    miss_image: Int64[np.ndarray, " misses"]
    miss_level: Int64[np.ndarray, " misses"]
    miss_inside: Int64[np.ndarray, " misses"]
    object_image: Int64[np.ndarray, " objects"]
    object_passed_over: Int64[np.ndarray, " objects"]
    """The settings in which the object is ignored."""
    top: float
    """The highest score of all detections; 0 without detections."""


@compiled
def hits_before(
    misses: Int64[np.ndarray, " misses"],
    hits: Int64[np.ndarray, " hits"],
    scores: Float64[np.ndarray, " all"],
) -> Int64[np.ndarray, " misses"]:
    """The number of hits before each miss: hits with a higher score, or an equal score and a lower index.

    `misses` and `hits` are indices into `scores`; hits are sorted by falling score, then by index.
    """
    hit_scores = np.empty(len(hits))
    for h in range(len(hits)):
        hit_scores[h] = scores[hits[h]]
    before = np.empty(len(misses), np.int64)
    for m in range(len(misses)):
        score, low, size = scores[misses[m]], 0, len(hits)
        while size > 0:
            half = size // 2
            # An addition instead of a branch, which would be unpredictable.
            low += (hit_scores[low + half] > score) * (size - half)
            size = half
        while low < len(hits) and hit_scores[low] == score and hits[low] < misses[m]:
            low += 1
        before[m] = low
    return before


@compiled
def positives(
    line: ClassDetections, weights: Float64[np.ndarray, " images"], areas: int, thresholds: int
) -> Float64[np.ndarray, " areas"]:
    """The total weight of the objects that are not ignored, in each area range."""
    total = np.zeros(areas)
    for g in range(len(line.object_image)):
        for a in range(areas):
            if not line.object_passed_over[g] >> (a * thresholds) & 1:
                total[a] += weights[line.object_image[g]]
    return total


@compiled
def trace_curves(  # noqa: C901, PLR0912, a call in the inner loop would cost more than its work
    line: ClassDetections,
    level: int,
    weights: Float64[np.ndarray, " images"],
    recalls: Float64[np.ndarray, " recalls"],
    precision: Float64[np.ndarray, "areas thresholds recalls"],
    recall: Float64[np.ndarray, "limits areas thresholds"],
    scores: Float64[np.ndarray, "areas thresholds recalls"],
) -> None:
    """Write a class's precision and score at each recall for one limit, and the final recall for this limit
    and all lower ones. The limit changes which detections count, but not what they match.

    Image weights are integers, so sums are exact in any order. An area range without objects to be found
    gets -1.

    Precision can only fall between two true positives, so only true positives are visited. Each sets the
    recalls that it reaches; a recall's precision is the maximum over its own and all higher recalls. Recall 0
    is reached by the detection with the highest score, whatever it matches.
    """
    areas, thresholds, points = precision.shape
    total = positives(line, weights, areas, thresholds)
    for a in range(areas):
        nothing = 0.0 if total[a] > 0 else -1.0
        for t in range(thresholds):
            for point in range(points):
                precision[a, t, point] = scores[a, t, point] = nothing
            if total[a] > 0:
                scores[a, t, 0] = line.top
    outer = np.zeros(areas)  # weight of the detections in the area range so far
    excused = np.zeros((areas, thresholds))  # weight of the detections in it that are not false positives
    true = np.zeros((areas, thresholds))
    first = np.zeros((level + 1, areas, thresholds))  # true-positive weight that each limit adds
    following = np.ones((areas, thresholds), np.int64)  # the first recall that is not reached yet
    every = (1 << thresholds) - 1
    for h in range(len(line.hit_image)):
        for miss in range(line.miss_starts[h], line.miss_starts[h + 1]):
            if line.miss_level[miss] <= level:
                weight = weights[line.miss_image[miss]]
                for a in range(areas):
                    outer[a] += weight if line.miss_inside[miss] >> a & 1 else 0.0
        if line.hit_level[h] > level:
            continue
        weight = weights[line.hit_image[h]]
        for a in range(areas):
            within = weight if line.hit_inside[h] >> a & 1 else 0.0
            found = line.hit_found[h] >> (a * thresholds) & every
            counting = found & ~(line.hit_void[h] >> (a * thresholds))
            for t in range(thresholds if total[a] > 0 and found else 0):
                if counting >> t & 1:
                    true[a, t] += weight
                    first[line.hit_level[h], a, t] += weight
                    point = following[a, t]
                    reached = true[a, t] / total[a]
                    while point < points and recalls[point] <= reached:
                        scores[a, t, point] = line.hit_score[h]
                        point += 1
                    following[a, t] = point
                    here = true[a, t] / (outer[a] - excused[a, t] + true[a, t] + _EPSILON)
                    precision[a, t, point - 1] = max(precision[a, t, point - 1], here)
                if found >> t & 1:
                    excused[a, t] += within
            outer[a] += within
    finish(first, total, following, precision, recall)


@inlined
def finish(
    first: Float64[np.ndarray, "limits areas thresholds"],
    total: Float64[np.ndarray, " areas"],
    following: Int64[np.ndarray, "areas thresholds"],
    precision: Float64[np.ndarray, "areas thresholds recalls"],
    recall: Float64[np.ndarray, "limits areas thresholds"],
) -> None:
    """Compute the recall at each limit, and make precision non-increasing in recall."""
    limits, areas, thresholds = recall.shape
    for a in range(areas):
        for t in range(thresholds):
            true = 0.0
            for limit in range(limits):
                true += first[limit, a, t]
                recall[limit, a, t] = true / total[a] if total[a] > 0 else -1.0
            for point in range(following[a, t] - 1, 0, -1):
                precision[a, t, point - 1] = max(precision[a, t, point - 1], precision[a, t, point])


@compiled
def retrace(
    line: ClassDetections,
    weights: Float64[np.ndarray, "resamples images"],
    recalls: Float64[np.ndarray, " recalls"],
    precision: Float64[np.ndarray, "resamples areas thresholds recalls"],
    recall: Float64[np.ndarray, "resamples limits areas thresholds"],
) -> None:
    """Trace the curves for several weightings; precision for the last limit only."""
    scores = np.empty(precision.shape[1:])
    last = recall.shape[1] - 1
    for r in range(len(weights)):
        trace_curves(line, last, weights[r], recalls, precision[r], recall[r], scores)
