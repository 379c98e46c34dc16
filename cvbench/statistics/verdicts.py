"""Worse, better, same, or cannot tell: how an effect with its uncertainty becomes a word.

Everything is turned so that a positive effect is a *loss*: less accuracy, more time, more memory.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

from cvbench.statistics.distributions import Interval

Verdict: TypeAlias = Literal["better", "worse", "same", "inconclusive", "not comparable"]
ALPHA = 0.005
"""One-sided, for a whole family of tests."""


class Rule(NamedTuple):
    """What has to hold before a figure is called worse, better or the same."""

    margin: float
    """What its limit must pass: losses below are of no interest."""
    gate: float
    """What the loss itself must reach."""
    equal: float
    """Within which both limits must lie for `same`."""
    alpha: float = ALPHA


SPEED = Rule(margin=math.log(1.01), gate=math.log(1.03), equal=math.log(1.05))
"""Of logarithms of ratios."""
SAME_WEIGHTS = Rule(margin=0.0, gate=0.001, equal=0.005)
"""Of top-1 and the like, where both runs hold one artifact."""
NEW_WEIGHTS = Rule(margin=0.0, gate=0.003, equal=0.005)
"""The same where the weights differ."""
AVERAGE_PRECISION = Rule(margin=0.0, gate=0.002, equal=0.005)
"""Of AP, mAP and mean IoU."""


class Loss(NamedTuple):
    """An effect, turned so that more is worse, with what is known of it."""

    estimate: float
    limits: Interval
    """Each passed with probability alpha."""
    p_worse: float
    """How surprising it is if there is no loss above the margin; adjusted where there were many tests."""
    p_better: float


def decide(loss: Loss, rule: Rule) -> Verdict:
    """The word for it; losses are looked for first."""
    if loss.p_worse < rule.alpha and loss.estimate >= rule.gate:
        return "worse"
    if loss.p_better < rule.alpha and loss.estimate <= -rule.gate:
        return "better"
    if -rule.equal < loss.limits.low and loss.limits.high < rule.equal:
        return "same"
    return "inconclusive"


def is_no_worse(loss: Loss, rule: Rule) -> bool:
    """Whether a loss of `rule.equal` is ruled out: all that a gate asks for."""
    return decide(loss, rule) != "worse" and loss.limits.high < rule.equal
