"""Greedy suppression that looks only where an overlap above the threshold can be.

The boxes of a group lie sorted by their left edge, in buckets. A box that stays strikes out its
neighbours in one run over that order. How far it must look follows from its width w and the
threshold t: both boxes share more than t of either width, so the other's left edge lies less than
w (1 - t) to the right, or less than w (1 - t) / t to the left. Whether the other box ranks higher
need not be asked: had that one stayed, this one would have gone.
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
"""Boxes from which on a second thread pays for its start."""

SLACK = 1e-5
"""How much wider than by exact arithmetic a box looks: far more than rounding can take away."""

NORMAL = 1e-30
"""Areas from which on rounding is relative in every type: below, float32 loses digits."""


class Strip(NamedTuple):
    """Boxes by coordinate, sorted by their left edge as far as buckets go."""

    x1: Float[np.ndarray, " n"]
    y1: Float[np.ndarray, " n"]
    x2: Float[np.ndarray, " n"]
    y2: Float[np.ndarray, " n"]
    area: Float[np.ndarray, " n"]
    struck: UInt8[np.ndarray, " n"]
    """Which boxes are out."""
    place: Int64[np.ndarray, " n"]
    """Where each box of the input stands; -1 if it overlaps nothing, and stands nowhere."""
    starts: Int64[np.ndarray, " buckets+1"]
    lowest: float
    """The left edge at which the first bucket begins …"""
    scale: float
    """… and how many buckets there are to a pixel; 0 if there is only one."""
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
    """The largest number of this type that is not above the threshold.

    A number of this type is above it if and only if it is above the threshold as a double.
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
    """Write into `stays` what suppression keeps of the groups `start` to `stop`; each stands best first."""
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
    """The boxes that can overlap anything, in buckets of equal breadth, about four to each."""
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
    """The bucket of a left edge; it never falls as `x` rises."""
    position = (x - lowest) * scale
    return int(min(position, buckets - 1.0)) if position > 0 else 0


@inlined
def strike(strip: Strip, p: int, limit: float, start: int, stop: int) -> None:
    """Strike out what overlaps the box at place `p` by more than the limit, itself included."""
    box, own = (strip.x1[p], strip.y1[p], strip.x2[p], strip.y2[p]), strip.area[p]
    x1, y1, x2, y2 = strip.x1[start:stop], strip.y1[start:stop], strip.x2[start:stop], strip.y2[start:stop]
    area, struck = strip.area[start:stop], strip.struck[start:stop]
    for j in range(len(area)):
        shared = intersection(box, (x1[j], y1[j], x2[j], y2[j]), HALF_OPEN)
        struck[j] |= shared / union(shared, own, area[j]) > limit
