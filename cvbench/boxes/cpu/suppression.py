"""Greedy NMS that compares a box only with boxes whose IoU can exceed the threshold.

The boxes of a group are sorted by their left edge into buckets. A kept box suppresses its neighbors in one
pass over nearby buckets. The range follows from its width w and the threshold t: the intersection is wider
than t times either width, so the other box's left edge is less than w (1 - t) to the right, or less than
w (1 - t) / t to the left. The other box's rank need not be checked: a kept box of higher rank would have
suppressed this one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from cvbench.boxes.cpu.intersection import HALF_OPEN, area_or_nan, intersection, union
from cvbench.boxes.cpu.sorting import ranked, segments
from cvbench.boxes.jit import compiled, inlined
from cvbench.boxes.threads import share

WORTH_SHARING = 4096
"""Minimum number of boxes for several threads."""

SLACK = 1e-5
"""Relative margin of the search range, much larger than rounding errors."""

NORMAL = 1e-30
"""Minimum area for relative rounding errors; below, float32 loses precision."""


class Strip(NamedTuple):
    """Boxes in coordinate-major layout, sorted into buckets by their left edge."""

    x1: Float[np.ndarray, " n"]
    y1: Float[np.ndarray, " n"]
    x2: Float[np.ndarray, " n"]
    y2: Float[np.ndarray, " n"]
    area: Float[np.ndarray, " n"]
    struck: UInt8[np.ndarray, " n"]
    """Whether each box is suppressed (or already used)."""
    place: Int64[np.ndarray, " n"]
    """Position of each input box in the strip; -1 for an invalid box, which overlaps nothing."""
    starts: Int64[np.ndarray, " buckets+1"]
    lowest: float
    """Left edge of the first bucket."""
    scale: float
    """Buckets per pixel; 0 with a single bucket."""
    widest: float


def nms(boxes: Tensor, scores: Tensor, threshold: float, groups: Tensor | None) -> Tensor:
    """As `cvbench.boxes.nms`, for boxes and scores in float32 or float64."""
    corners, order = boxes.contiguous().numpy(), ranked(scores.contiguous().numpy())
    ranks, starts = segments(order, None if groups is None else groups.numpy())
    stays, count = np.empty(len(order), np.bool_), len(starts) - 1
    worth = count > 1 and len(order) >= WORTH_SHARING
    limit = floor(threshold, corners.dtype)
    grouped = corners.take(order[ranks], axis=0)
    share(suppress_groups, count, grouped, starts, limit, stays, worth=worth)
    by_rank = np.empty_like(stays)
    by_rank[ranks] = stays
    return torch.from_numpy(order[by_rank])


def floor(threshold: float, dtype: np.dtype) -> np.floating:
    """The largest number of this type that does not exceed the threshold.

    A number of this type exceeds it if and only if it exceeds the float64 threshold.
    """
    limit: np.floating = dtype.type(threshold)
    return np.nextafter(limit, dtype.type(-np.inf)) if float(limit) > threshold else limit


@compiled
def suppress_groups(
    boxes: Float[np.ndarray, "k 4"],
    starts: Int64[np.ndarray, " groups+1"],
    limit: float,
    stays: Bool[np.ndarray, " k"],
    start: int,
    stop: int,
) -> None:
    """Write to `stays` which boxes of groups `start` to `stop` are kept; groups are sorted best first."""
    apart = 1 - limit * (1 - SLACK)
    for group in range(start, stop):
        begin = starts[group]
        strip = by_left_edge(boxes[begin : starts[group + 1]])
        buckets = len(strip.starts) - 1
        for i in range(len(strip.place)):
            p = strip.place[i]
            stays[begin + i] = p < 0 or not strip.struck[p]
            if p < 0 or strip.struck[p]:
                continue
            low, high = np.float64(strip.x1[p]), np.float64(strip.x2[p])
            to_left, to_right = strip.widest, high - low
            if strip.area[p] * limit > NORMAL:
                to_left = min(to_left, to_right / (1 - apart)) * apart
                to_right *= apart
            pad = 1e-14 * (abs(low) + abs(high) + to_left)
            first = bucket_of(low - to_left - pad, strip.lowest, strip.scale, buckets)
            last = bucket_of(low + to_right + pad, strip.lowest, strip.scale, buckets)
            strike(strip, p, limit, strip.starts[first], strip.starts[last + 1])


@inlined
def by_left_edge(boxes: Float[np.ndarray, "n 4"]) -> Strip:
    """The valid boxes in buckets of equal width, about four boxes per bucket."""
    place, areas = np.empty(len(boxes), np.int64), np.empty(len(boxes), boxes.dtype)
    lowest, highest, widest, count = np.inf, -np.inf, 0.0, 0
    for i in range(len(boxes)):
        areas[i] = area_or_nan((boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]), HALF_OPEN)
        place[i] = -1
        if areas[i] < np.inf:
            x1, x2 = np.float64(boxes[i, 0]), np.float64(boxes[i, 2])
            lowest, highest, widest = min(lowest, x1), max(highest, x1), max(widest, x2 - x1)
            place[i] = 0
            count += 1
    buckets = min(max(count // 4, 1), 4096)
    scale = buckets / (highest - lowest)
    if not (highest - lowest < np.inf and scale < np.inf):
        buckets, scale = 1, 0.0
    starts, free = np.zeros(buckets + 1, np.int64), np.empty(buckets, np.int64)
    for i in range(len(boxes)):
        if place[i] == 0:
            place[i] = bucket_of(np.float64(boxes[i, 0]), lowest, scale, buckets)
            starts[place[i] + 1] += 1
    for bucket in range(buckets):
        free[bucket] = starts[bucket]
        starts[bucket + 1] += starts[bucket]
    edges, area = np.empty((4, count), boxes.dtype), np.empty(count, boxes.dtype)
    for i in range(len(boxes)):
        if place[i] >= 0:
            p = free[place[i]]
            free[place[i]] += 1
            place[i], area[p] = p, areas[i]
            for edge in range(4):
                edges[edge, p] = boxes[i, edge]
    struck = np.zeros(count, np.uint8)
    return Strip(edges[0], edges[1], edges[2], edges[3], area, struck, place, starts, lowest, scale, widest)


@inlined
def bucket_of(x: float, lowest: float, scale: float, buckets: int) -> int:
    """The bucket of a left edge; non-decreasing in `x`."""
    position = (x - lowest) * scale
    return int(min(position, buckets - 1.0)) if position > 0 else 0


@inlined
def strike(strip: Strip, p: int, limit: float, start: int, stop: int) -> None:
    """Suppress all boxes whose IoU with the box at `p` exceeds the limit, including itself."""
    box, own = (strip.x1[p], strip.y1[p], strip.x2[p], strip.y2[p]), strip.area[p]
    x1, y1, x2, y2 = strip.x1[start:stop], strip.y1[start:stop], strip.x2[start:stop], strip.y2[start:stop]
    area, struck = strip.area[start:stop], strip.struck[start:stop]
    for j in range(len(area)):
        shared = intersection(box, (x1[j], y1[j], x2[j], y2[j]), HALF_OPEN)
        struck[j] |= shared / union(shared, own, area[j]) > limit
