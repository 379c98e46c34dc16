"""Many tests at once: p-values that still mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvbench.boxes.array_types import Bool, Float64, Int64


def holm(p: Sequence[float]) -> Float64[np.ndarray, " tests"]:
    """P-values for which one limit keeps the chance of *any* false alarm, whatever the tests share.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6, 1979.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    given = np.asarray(p, np.float64)
    order = np.argsort(given, kind="stable")
    scaled = given[order] * (len(given) - np.arange(len(given)))
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> Float64[np.ndarray, " tests"]:
    """P-values for which one limit keeps the expected *share* of false alarms among all alarms.

    Source: Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, Journal of the Royal
    Statistical Society B 57, 1995.

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    array([0.03, 0.04, 0.04])
    """
    given = np.asarray(p, np.float64)
    order = np.argsort(given, kind="stable")[::-1]
    ranks = np.arange(len(given), 0, -1)
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(given[order] * len(given) / ranks))
    return adjusted


Beats = Bool[np.ndarray, "n n"]
"""Whether the one of the row is better than the one of the column, beyond doubt."""


def ranks(beats: Beats) -> Int64[np.ndarray, " n"]:
    """Everyone's place: one more than the number of those that are better beyond doubt.

    Those that nothing separates share a place: a rank is a claim, and this one is covered.

    >>> ranks(np.array([[False, False, True], [False, False, True], [False, False, False]]))
    array([1, 1, 3])
    """
    return np.asarray(1 + np.asarray(beats).sum(axis=0), np.int64)


def front(axes: Sequence[Beats], equal: Sequence[Beats]) -> Bool[np.ndarray, " n"]:
    """Who is dominated by nobody, beyond doubt.

    One dominates another by being better beyond doubt on an axis, and on every other axis too, or
    exactly equal there. `equal` says on which axes two are exactly equal.
    """
    better = np.stack([np.asarray(axis) for axis in axes])
    same = np.stack([np.asarray(axis) for axis in equal])
    dominates = (better | same).all(axis=0) & better.any(axis=0)
    return np.asarray(~dominates.any(axis=0))
