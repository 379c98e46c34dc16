"""Verdicts: worse, better, same or inconclusive, from an effect and its uncertainty.

Signs are such that a positive effect is a *loss*: less accuracy, more time, more memory.
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
    """The conditions of the verdicts worse, better and same."""

    margin: float
    """The limit of a loss must exceed this: smaller losses do not matter."""
    gate: float
    """The estimated loss must reach this."""
    equal: float
    """Both limits must be within this for `same`."""
    alpha: float = ALPHA


SPEED = VerdictRule(margin=math.log(1.01), gate=math.log(1.03), equal=math.log(1.05))
"""For logarithms of ratios."""
SAME_WEIGHTS = VerdictRule(margin=0.0, gate=0.001, equal=0.005)
"""For top-k accuracy of one artifact in both runs."""
NEW_WEIGHTS = VerdictRule(margin=0.0, gate=0.003, equal=0.005)
"""For top-k accuracy of different weights."""
AVERAGE_PRECISION = VerdictRule(margin=0.0, gate=0.002, equal=0.005)
"""For AP, mAP and mean IoU."""


class Worsening(NamedTuple):
    """An effect with its uncertainty, signed so that more is worse."""

    estimate: float
    limits: Interval
    """The truth exceeds each with probability alpha."""
    p_worse: float
    """The p-value for a loss above the margin, adjusted for the number of tests."""
    p_better: float


def decide(loss: Worsening, rule: VerdictRule) -> Verdict:
    """The verdict; losses are tested first."""
    if loss.p_worse < rule.alpha and loss.estimate >= rule.gate:
        return "worse"
    if loss.p_better < rule.alpha and loss.estimate <= -rule.gate:
        return "better"
    if -rule.equal < loss.limits.low and loss.limits.high < rule.equal:
        return "same"
    return "inconclusive"


def is_no_worse(loss: Worsening, rule: VerdictRule) -> bool:
    """Whether a loss of `rule.equal` is ruled out, which is the condition of a gate."""
    return decide(loss, rule) != "worse" and loss.limits.high < rule.equal


def holm(p: Sequence[float]) -> Float64[np.ndarray, " tests"]:
    """Holm-adjusted p-values: they bound the probability of *any* false alarm under any dependence.

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
    """Benjamini-Hochberg p-values: they bound the expected *share* of false alarms among all alarms.

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
    """The rank of each model: one plus the number of models that are significantly better.

    `beats[i, j]` says whether model i is significantly better than model j. Models that nothing separates
    share a rank.

    >>> ranks(np.array([[False, False, True], [False, False, True], [False, False, False]]))
    array([1, 1, 3])
    """
    return np.asarray(1 + np.asarray(beats).sum(axis=0), np.int64)


def front(
    axes: Sequence[Bool[np.ndarray, "n n"]], equal: Sequence[Bool[np.ndarray, "n n"]]
) -> Bool[np.ndarray, " n"]:
    """Which models no other model dominates (statistically significant): the Pareto front.

    A model dominates another if it is significantly better on one axis, and significantly better or exactly
    equal on every other axis. `axes` has one matrix per axis, as in `ranks`; `equal` says which models are
    exactly equal on it.
    """
    better = np.stack([np.asarray(axis) for axis in axes])
    same = np.stack([np.asarray(axis) for axis in equal])
    dominates = (better | same).all(axis=0) & better.any(axis=0)
    return np.asarray(~dominates.any(axis=0))
