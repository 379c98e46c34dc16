"""Sorting by group and by falling score; compiled.

`group` is a counting sort, `ranked` a radix sort of many scores, and `sort_by_falling_score` sorts the few
scores of one image and class in place. All three are stable.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64, UInt64

from cvbench.boxes.jit import compiled


class Grouped(NamedTuple):
    """Indices sorted by an integer key; the indices with key `v` are `order[starts[v]:starts[v + 1]]`."""

    order: Int64[np.ndarray, " n"]
    starts: Int64[np.ndarray, " values+1"]


@compiled
def group(keys: Int64[np.ndarray, " n"], values: int) -> Grouped:
    """Stable counting sort of keys from 0 to `values` - 1; raises ValueError for any other key."""
    starts = np.zeros(values + 1, np.int64)
    for key in keys:
        if key < 0 or key >= values:
            raise ValueError("a label or image number is out of range")
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


def segments(order: Int64[np.ndarray, " k"], groups: Int64[np.ndarray, " n"] | None) -> Grouped:
    """The positions in `order` sorted by group; without `groups` all boxes are one group.

    Groups are any integers; numbers without a box are empty groups.
    """
    if groups is None or len(order) == 0:
        return Grouped(np.arange(len(order)), np.array([0, len(order)]))
    labels = groups[order]
    low, high = int(labels.min()), int(labels.max())
    if high - low <= 4 * len(labels):
        labels, count = labels - low, high - low + 1
    else:
        values, labels = np.unique(labels, return_inverse=True)
        count = len(values)
    by_group: Grouped = group(labels, count)
    return by_group


def ranked(scores: Float[np.ndarray, " n"]) -> Int64[np.ndarray, " k"]:
    """Indices of the scores that are not NaN, highest first, ties in input order.

    -0.0 equals 0.0. All types are sorted as float64, so that only one kernel is compiled; bits in which all
    scores agree, such as the extra bits of float32 values, are skipped.
    """
    wide = scores.astype(np.float64) + 0.0  # turns -0.0 into 0.0
    order: np.ndarray = radix_ranked(wide, wide.view(np.uint64))
    return order


@compiled
def radix_ranked(
    scores: Float64[np.ndarray, " n"], patterns: UInt64[np.ndarray, " n"]
) -> Int64[np.ndarray, " k"]:
    """`ranked`, with the same memory as floats and as bit patterns."""
    sign, digits = np.uint64(1 << 63), np.uint64(2047)
    keys, order = np.empty(len(scores), np.uint64), np.empty(len(scores), np.int64)
    n, varying = 0, np.uint64(0)
    for index in range(len(scores)):
        if scores[index] == scores[index]:  # not NaN
            # Bit patterns of positive floats rise with the value, bit patterns of negative ones fall.
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


@compiled
def sort_by_falling_score(order: Int64[np.ndarray, " n"], scores: Float64[np.ndarray, " all"]) -> None:
    """Sort indices by their score, highest first, in place and stable; scores must not be NaN."""
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
