"""Worse, better, same, or cannot tell: how an effect with its uncertainty becomes a word.

Everything is turned so that a positive effect is a *loss*: less accuracy, more time, more memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from cvbench.boxes.array_types import Bool, Float64, Int64
from cvbench.statistics.distributions import Interval

Verdict: TypeAlias = Literal["better", "worse", "same", "inconclusive", "not comparable"]
ALPHA = 0.005
"""One-sided, for a whole family of tests."""


class VerdictRule(NamedTuple):
    """What has to hold before a figure is called worse, better or the same."""

    margin: float
    """What its limit must pass: losses below are of no interest."""
    gate: float
    """What the loss itself must reach."""
    equal: float
    """Within which both limits must lie for `same`."""
    alpha: float = ALPHA


SPEED = VerdictRule(margin=math.log(1.01), gate=math.log(1.03), equal=math.log(1.05))
"""Of logarithms of ratios."""
SAME_WEIGHTS = VerdictRule(margin=0.0, gate=0.001, equal=0.005)
"""Of top-1 and the like, where both runs hold one artifact."""
NEW_WEIGHTS = VerdictRule(margin=0.0, gate=0.003, equal=0.005)
"""The same where the weights differ."""
AVERAGE_PRECISION = VerdictRule(margin=0.0, gate=0.002, equal=0.005)
"""Of AP, mAP and mean IoU."""


class Worsening(NamedTuple):
    """An effect, turned so that more is worse, with what is known of it."""

    estimate: float
    limits: Interval
    """Each passed with probability alpha."""
    p_worse: float
    """How surprising it is if there is no loss above the margin; adjusted where there were many tests."""
    p_better: float


def decide(loss: Worsening, rule: VerdictRule) -> Verdict:
    """The word for it; losses are looked for first."""
    if loss.p_worse < rule.alpha and loss.estimate >= rule.gate:
        return "worse"
    if loss.p_better < rule.alpha and loss.estimate <= -rule.gate:
        return "better"
    if -rule.equal < loss.limits.low and loss.limits.high < rule.equal:
        return "same"
    return "inconclusive"


def is_no_worse(loss: Worsening, rule: VerdictRule) -> bool:
    """Whether a loss of `rule.equal` is ruled out: all that a gate asks for."""
    return decide(loss, rule) != "worse" and loss.limits.high < rule.equal


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


def ranks(beats: Bool[np.ndarray, "n n"]) -> Int64[np.ndarray, " n"]:
    """Everyone's place: one more than the number of those that are better beyond doubt.

    `beats` says whether the one of the row is better than the one of the column, beyond doubt. Those
    that nothing separates share a place: a rank is a claim, and this one is covered.

    >>> ranks(np.array([[False, False, True], [False, False, True], [False, False, False]]))
    array([1, 1, 3])
    """
    return np.asarray(1 + np.asarray(beats).sum(axis=0), np.int64)


def front(
    axes: Sequence[Bool[np.ndarray, "n n"]], equal: Sequence[Bool[np.ndarray, "n n"]]
) -> Bool[np.ndarray, " n"]:
    """Who is dominated by nobody, beyond doubt.

    One dominates another by being better beyond doubt on an axis, and on every other axis too, or
    exactly equal there. Each of `axes` is what `ranks` takes; `equal` says on which axes two are exactly
    equal.
    """
    better = np.stack([np.asarray(axis) for axis in axes])
    same = np.stack([np.asarray(axis) for axis in equal])
    dominates = (better | same).all(axis=0) & better.any(axis=0)
    return np.asarray(~dominates.any(axis=0))
