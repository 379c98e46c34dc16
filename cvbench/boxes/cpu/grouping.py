"""Groups in one array: the boxes of a group stand together, best first, from one start to the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from cvbench.boxes.jit import compiled


class Segments(NamedTuple):
    """Ranks sorted by group; group `g` has `ranks[starts[g]:starts[g + 1]]`, rising. Some are empty."""

    ranks: Int64[np.ndarray, " k"]
    starts: Int64[np.ndarray, " groups+1"]


def segments(order: Int64[np.ndarray, " k"], groups: Tensor | None) -> Segments:
    """The groups of boxes whose ranks are the places in `order`; without `groups` there is one."""
    if groups is None or len(order) == 0:
        return Segments(np.arange(len(order)), np.array([0, len(order)]))
    low, high = (int(end) for end in groups.aminmax())
    if high - low <= 4 * len(groups):
        return Segments(*counted(order, groups.sub(low).numpy(), high - low + 1))
    values, labels = np.unique(groups.numpy(), return_inverse=True)
    return Segments(*counted(order, labels, len(values)))


@compiled
def counted(
    order: Int64[np.ndarray, " k"], labels: Int64[np.ndarray, " n"], count: int
) -> tuple[Int64[np.ndarray, " k"], Int64[np.ndarray, " groups+1"]]:
    """`segments` by counting, of groups numbered from 0."""
    ranks, starts = np.empty(len(order), np.int64), np.zeros(count + 1, np.int64)
    free = np.empty(count, np.int64)
    for index in order:
        starts[labels[index] + 1] += 1
    for group in range(count):
        free[group] = starts[group]
        starts[group + 1] += starts[group]
    for rank in range(len(order)):
        group = labels[order[rank]]
        ranks[free[group]] = rank
        free[group] += 1
    return ranks, starts
