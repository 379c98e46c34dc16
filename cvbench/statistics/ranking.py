"""Places among several, where only what is beyond doubt counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvbench.boxes.array_types import Bool, Int64

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
