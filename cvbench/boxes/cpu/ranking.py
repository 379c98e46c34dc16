"""Ranks of scores by radix sort: several times faster than comparing, and stable by nature."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64, UInt

from cvbench.boxes.cpu.jit import compiled


def ranked(scores: Float[np.ndarray, " n"]) -> Int64[np.ndarray, " k"]:
    """Indices of the scores that are numbers, highest first, equal ones in input order.

    -0.0 equals 0.0. For float32 and float64.
    """
    patterns = scores.view(np.uint32 if scores.dtype == np.float32 else np.uint64)
    order: np.ndarray = radix_ranked(scores, patterns)
    return order


@compiled
def radix_ranked(
    scores: Float[np.ndarray, " n"], patterns: UInt[np.ndarray, " n"]
) -> Int64[np.ndarray, " k"]:
    """`ranked`, given the same memory once as floats and once as bits."""
    word, bits = patterns.dtype.type, 8 * patterns.itemsize
    sign = word(1) << word(bits - 1)
    keys, order = np.empty(len(scores), patterns.dtype), np.empty(len(scores), np.int64)
    n = 0
    for index in range(len(scores)):
        if scores[index] == scores[index]:  # not NaN
            pattern = patterns[index] if patterns[index] != sign else word(0)
            # Patterns of positive floats rise with the float, those of negative ones fall.
            keys[n] = pattern if pattern & sign else ~(pattern | sign)
            order[n] = index
            n += 1
    next_keys, next_order = np.empty_like(keys), np.empty_like(order)
    for shift in range(0, bits, 11):
        starts = np.zeros(2049, np.int64)
        for i in range(n):
            starts[((keys[i] >> word(shift)) & word(2047)) + 1] += 1
        if starts.max() == n:
            continue  # all keys share these bits
        for digit in range(2048):
            starts[digit + 1] += starts[digit]
        for i in range(n):
            digit = (keys[i] >> word(shift)) & word(2047)
            next_keys[starts[digit]], next_order[starts[digit]] = keys[i], order[i]
            starts[digit] += 1
        keys, next_keys = next_keys, keys
        order, next_order = next_order, order
    return order[:n].copy()
