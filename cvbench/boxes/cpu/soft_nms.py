"""Soft-NMS kernel: one pass over a group lowers the scores and finds the next best box."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from cvbench.boxes.cpu.intersection import HALF_OPEN, area_or_nan, intersection, union
from cvbench.boxes.cpu.sorting import ranked, segments
from cvbench.boxes.jit import compiled, inlined
from cvbench.boxes.threads import share

WORTH_SHARING = 1024
"""Minimum number of boxes for several threads."""


def soft_nms(
    boxes: Tensor, scores: Tensor, method: str, strength: float, least: float, groups: Tensor | None
) -> tuple[Tensor, Tensor]:
    """As `cvbench.boxes.soft_nms`; `strength` is the method's threshold or sigma."""
    corners, values = boxes.contiguous().numpy(), scores.double().contiguous().numpy()
    order = ranked(values)
    ranks, starts = segments(order, None if groups is None else groups.numpy())
    indices, count = order[ranks], len(starts) - 1
    picked = np.empty(len(indices))
    rule = Rule(method == "linear", strength, least)
    worth = count > 1 and len(order) >= WORTH_SHARING
    waiting = values[indices]
    share(soft_nms_groups, count, corners.take(indices, axis=0), waiting, starts, rule, picked, worth=worth)
    lowered = np.full(len(values), np.nan)
    lowered[indices] = picked
    kept = ranked(lowered)
    return torch.from_numpy(kept), torch.from_numpy(lowered[kept]).to(scores.dtype)


class Rule(NamedTuple):
    """How scores are lowered, and the minimum score of a kept box."""

    linear: bool
    strength: float
    least: float


@compiled
def soft_nms_groups(
    boxes: Float[np.ndarray, "k 4"],
    waiting: Float64[np.ndarray, " k"],
    starts: Int64[np.ndarray, " groups+1"],
    rule: Rule,
    picked: Float64[np.ndarray, " k"],
    start: int,
    stop: int,
) -> None:
    """Write the lowered scores of kept boxes in groups `start` to `stop`, NaN for dropped ones."""
    for group in range(start, stop):
        first, last = starts[group], starts[group + 1]
        soft_nms_group(boxes[first:last], waiting[first:last], rule, picked[first:last])


@inlined
def soft_nms_group(
    boxes: Float[np.ndarray, "n 4"],
    waiting: Float64[np.ndarray, " n"],
    rule: Rule,
    picked: Float64[np.ndarray, " n"],
) -> None:
    """Write the score of each box of one group when it is picked; NaN if it is dropped."""
    n, best, zero = len(boxes), 0, boxes.dtype.type(0)
    areas = np.empty(n, boxes.dtype)
    for i in range(n):
        areas[i] = area_or_nan((boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]), HALF_OPEN)
        picked[i] = np.nan
    while best < n and waiting[best] >= rule.least:
        box, own = (boxes[best, 0], boxes[best, 1], boxes[best, 2], boxes[best, 3]), areas[best]
        picked[best], waiting[best], best = waiting[best], -np.inf, n
        for i in range(n):
            if not waiting[i] >= rule.least:
                continue
            other = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
            shared = intersection(box, other, HALF_OPEN)
            overlap = np.float64(max(zero, shared / union(shared, own, areas[i])))
            if not rule.linear:
                waiting[i] *= math.exp(-(overlap * overlap) / rule.strength)
            elif overlap > rule.strength:
                waiting[i] *= 1 - overlap
            if waiting[i] >= rule.least and (best == n or waiting[i] > waiting[best]):
                best = i
