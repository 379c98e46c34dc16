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

from cvbench.boxes.cpu.jit import compiled
from cvbench.boxes.cpu.ranking import ranked
from cvbench.boxes.cpu.threads import share

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
    """Where each box of the input stands."""
    starts: Int64[np.ndarray, " buckets+1"]
    lowest: float
    """The left edge at which the first bucket begins …"""
    scale: float
    """… and how many buckets there are to a pixel; 0 if there is only one."""
    widest: float


def nms(boxes: Tensor, scores: Tensor, threshold: float, groups: Tensor | None) -> Tensor:
    """As `cvbench.boxes.nms`, for boxes and scores in float32 or float64."""
    order = ranked(scores.contiguous().numpy())
    labels, count = dense(groups)
    members, starts = members_of(order, labels, count)
    stays = np.zeros(len(order), np.bool_)
    corners = boxes.contiguous().numpy()
    limit = floor(threshold, corners.dtype)
    worth = count > 1 and len(order) >= WORTH_SHARING
    share(suppress_groups, count, corners, order, members, starts, limit, stays, worth=worth)
    return torch.from_numpy(order[stays])


def floor(threshold: float, dtype: np.dtype) -> np.floating:
    """The largest number of this type that is not above the threshold.

    A number of this type is above it if and only if it is above the threshold as a double.
    """
    limit: np.floating = dtype.type(threshold)
    return np.nextafter(limit, dtype.type(-np.inf)) if float(limit) > threshold else limit


def dense(groups: Tensor | None) -> tuple[np.ndarray, int]:
    """The groups numbered from 0, and how many numbers that takes; some may be empty."""
    if groups is None or len(groups) == 0:
        return np.zeros(0, np.int64), 1
    low, high = (int(end) for end in groups.aminmax())
    if high - low > 4 * len(groups):
        values, labels = np.unique(groups.numpy(), return_inverse=True)
        return labels, len(values)
    return groups.sub(low).numpy(), high - low + 1


@compiled
def members_of(
    order: Int64[np.ndarray, " k"], labels: Int64[np.ndarray, " n"], count: int
) -> tuple[Int64[np.ndarray, " k"], Int64[np.ndarray, " groups+1"]]:
    """The ranks of each group, rising, and where each group starts; no `labels` is one group."""
    starts = np.zeros(count + 1, np.int64)
    if len(labels) == 0:
        starts[1] = len(order)
        return np.arange(len(order)), starts
    for index in order:
        starts[labels[index] + 1] += 1
    for group in range(count):
        starts[group + 1] += starts[group]
    members, place = np.empty_like(order), starts[:-1].copy()
    for rank in range(len(order)):
        group = labels[order[rank]]
        members[place[group]] = rank
        place[group] += 1
    return members, starts


@compiled
def suppress_groups(
    boxes: Float[np.ndarray, "n 4"],
    order: Int64[np.ndarray, " k"],
    members: Int64[np.ndarray, " k"],
    starts: Int64[np.ndarray, " groups+1"],
    limit: float,
    stays: Bool[np.ndarray, " k"],
    start: int,
    stop: int,
) -> None:
    """Mark in `stays`, by rank, what suppression keeps of the groups `start` to `stop`."""
    for group in range(start, stop):
        suppress(boxes, order, members[starts[group] : starts[group + 1]], limit, stays)


@compiled
def suppress(
    boxes: Float[np.ndarray, "n 4"],
    order: Int64[np.ndarray, " k"],
    ranks: Int64[np.ndarray, " members"],
    limit: float,
    stays: Bool[np.ndarray, " k"],
) -> None:
    """Mark what suppression keeps among the boxes of these ranks, best first."""
    sound = sound_ones(boxes, order, ranks, stays)
    strip = by_left_edge(boxes, order[sound])
    apart = 1 - limit * (1 - SLACK)
    for i in range(len(sound)):
        p = strip.place[i]
        if strip.struck[p]:
            continue
        stays[sound[i]] = True
        low, high = np.float64(strip.x1[p]), np.float64(strip.x2[p])
        to_left, to_right = strip.widest, high - low
        if strip.area[p] * limit > NORMAL:
            to_left = min(to_left, to_right / (1 - apart)) * apart
            to_right *= apart
        pad = 1e-14 * (abs(low) + abs(high) + to_left)
        first = bucket_of(low - to_left - pad, strip.lowest, strip.scale, len(strip.starts) - 1)
        last = bucket_of(low + to_right + pad, strip.lowest, strip.scale, len(strip.starts) - 1)
        strike(strip, p, limit, strip.starts[first], strip.starts[last + 1])


@compiled
def sound_ones(
    boxes: Float[np.ndarray, "n 4"],
    order: Int64[np.ndarray, " k"],
    ranks: Int64[np.ndarray, " members"],
    stays: Bool[np.ndarray, " k"],
) -> Int64[np.ndarray, " sound"]:
    """The ranks whose boxes can overlap something; the others stay."""
    sound, count = np.empty_like(ranks), 0
    for rank in ranks:
        box = boxes[order[rank]]
        width, height = box[2] - box[0], box[3] - box[1]
        if width > 0 and height > 0 and width * height < np.inf:
            sound[count] = rank
            count += 1
        else:
            stays[rank] = True
    return sound[:count]


@compiled
def by_left_edge(boxes: Float[np.ndarray, "n 4"], indices: Int64[np.ndarray, " sound"]) -> Strip:
    """The boxes in buckets of equal breadth, about four to each."""
    count = len(indices)
    lowest, highest, widest = np.inf, -np.inf, 0.0
    for index in indices:
        x1, x2 = np.float64(boxes[index, 0]), np.float64(boxes[index, 2])
        lowest, highest, widest = min(lowest, x1), max(highest, x1), max(widest, x2 - x1)
    buckets = min(max(count // 4, 1), 4096)
    scale = buckets / (highest - lowest)
    if not (highest - lowest < np.inf and scale < np.inf):
        buckets, scale = 1, 0.0
    starts, bucket = np.zeros(buckets + 1, np.int64), np.empty(count, np.int64)
    for i in range(count):
        bucket[i] = bucket_of(np.float64(boxes[indices[i], 0]), lowest, scale, buckets)
        starts[bucket[i] + 1] += 1
    for b in range(buckets):
        starts[b + 1] += starts[b]
    following, place = starts[:-1].copy(), np.empty(count, np.int64)
    corners, area = np.empty((4, count), boxes.dtype), np.empty(count, boxes.dtype)
    for i in range(count):
        p = following[bucket[i]]
        following[bucket[i]] += 1
        place[i] = p
        box = boxes[indices[i]]
        corners[0, p], corners[1, p], corners[2, p], corners[3, p] = box[0], box[1], box[2], box[3]
        area[p] = (box[2] - box[0]) * (box[3] - box[1])
    struck = np.zeros(count, np.uint8)
    edges = (corners[0], corners[1], corners[2], corners[3], area, struck)
    return Strip(*edges, place, starts, lowest, scale, widest)


@compiled
def bucket_of(x: float, lowest: float, scale: float, buckets: int) -> int:
    """The bucket of a left edge; it never falls as `x` rises."""
    position = (x - lowest) * scale
    return int(min(position, buckets - 1.0)) if position > 0 else 0


@compiled
def strike(strip: Strip, p: int, limit: float, start: int, stop: int) -> None:
    """Strike out what overlaps the box at place `p` by more than the limit, itself included."""
    zero = strip.x1.dtype.type(0)
    left, top, right, bottom, own = strip.x1[p], strip.y1[p], strip.x2[p], strip.y2[p], strip.area[p]
    x1, y1, x2, y2 = strip.x1[start:stop], strip.y1[start:stop], strip.x2[start:stop], strip.y2[start:stop]
    area, struck = strip.area[start:stop], strip.struck[start:stop]
    for j in range(len(area)):
        width = min(right, x2[j]) - max(left, x1[j])
        height = min(bottom, y2[j]) - max(top, y1[j])
        inter = max(width, zero) * max(height, zero)
        struck[j] |= inter / (own + area[j] - inter) > limit
