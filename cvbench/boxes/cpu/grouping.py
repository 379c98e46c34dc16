"""Groups in one array: the boxes of a group stand together, best first, from one start to the next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64, UInt64
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


def ranked(scores: Float[np.ndarray, " n"]) -> Int64[np.ndarray, " k"]:
    """Indices of the scores that are numbers, highest first, equal ones in input order.

    -0.0 equals 0.0. Sorted as doubles, whatever their type: one kernel is to be compiled, and bits
    in which all scores agree, such as those that a shorter type lacks, are passed over.
    """
    wide = scores.astype(np.float64) + 0.0  # makes 0.0 of -0.0
    order: np.ndarray = radix_ranked(wide, wide.view(np.uint64))
    return order


@compiled
def radix_ranked(
    scores: Float64[np.ndarray, " n"], patterns: UInt64[np.ndarray, " n"]
) -> Int64[np.ndarray, " k"]:
    """`ranked`, given the same memory once as floats and once as bits."""
    sign, digits = np.uint64(1 << 63), np.uint64(2047)
    keys, order = np.empty(len(scores), np.uint64), np.empty(len(scores), np.int64)
    n, varying = 0, np.uint64(0)
    for index in range(len(scores)):
        if scores[index] == scores[index]:  # not NaN
            # Patterns of positive floats rise with the float, those of negative ones fall.
            pattern = patterns[index]
            keys[n] = pattern if pattern & sign else ~(pattern | sign)
            order[n] = index
            varying |= keys[n] ^ keys[0]
            n += 1
    next_keys, next_order = np.empty(n, np.uint64), np.empty(n, np.int64)
    starts, shift = np.empty(2049, np.int64), np.uint64(0)
    while varying and not (varying >> shift) & np.uint64(1):
        shift += np.uint64(1)
    while shift < 64 and varying >> shift:
        starts[:] = 0
        for i in range(n):
            starts[((keys[i] >> shift) & digits) + np.uint64(1)] += 1
        for digit in range(2048):
            starts[digit + 1] += starts[digit]
        for i in range(n):
            digit = (keys[i] >> shift) & digits
            next_keys[starts[digit]], next_order[starts[digit]] = keys[i], order[i]
            starts[digit] += 1
        keys, next_keys = next_keys, keys
        order, next_order = next_order, order
        shift += np.uint64(11)
    return order[:n]
