"""The arithmetic of a duet: from slices that took turns to a verdict in two stages.

A block is four slices in the order ABBA or BAAB, so that whatever drifts evenly cancels. A round is a
fresh pair of processes and some blocks; it yields one value. The first stage screens; what it flags is
measured again, and only the fresh rounds decide: then no stopping rule bends the test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cvbench.statistics.distributions import special
from cvbench.statistics.mean_effects import Effect, of_pairs, trimmed_mean
from cvbench.statistics.verdicts import SPEED, Verdict, VerdictRule, Worsening, decide, holm

LEAST_ROUNDS, MOST_ROUNDS = 5, 30
WANTED = math.log(1.045)
"""What the second stage is planned to detect, where the first has not seen more."""


class Slice(NamedTuple):
    """One turn of one arm."""

    arm: str
    """`A`, the base, or `B`, the head."""
    seconds: float
    """Of one iteration, on average."""


def block_value(slices: Sequence[Slice]) -> float:
    """Mean logarithm of B's times less that of A's.

    >>> round(block_value([Slice("A", 1.0), Slice("B", 2.0), Slice("B", 2.0), Slice("A", 1.0)]), 4)
    0.6931
    """
    logs = {arm: [math.log(s.seconds) for s in slices if s.arm == arm] for arm in "AB"}
    return sum(logs["B"]) / len(logs["B"]) - sum(logs["A"]) / len(logs["A"])


def round_value(blocks: Sequence[float]) -> float:
    """One value of one round: the 20 % trimmed mean of its blocks, the median of fewer than four."""
    return trimmed_mean(np.array(blocks, np.float64))


def is_flagged(rounds: Sequence[float], *, alpha: float = 0.10) -> bool:
    """Whether the screen lets it pass on to the second stage: its lower limit, or upper, is beyond 0."""
    limits = of_pairs(np.array(rounds, np.float64)).limits(alpha)
    return limits.low > 0 or limits.high < 0


def planning_spread(screened: Sequence[Sequence[float]]) -> float:
    """How much round values vary, of all figures of the first stage together, on the safe side.

    The upper 80 % limit of the pooled standard deviation: five rounds know theirs to a third only, and
    whoever takes it at its word plans too few rounds half of the time.
    """
    freedom = sum(len(rounds) - 1 for rounds in screened)
    squares = sum(float(np.var(rounds)) * len(rounds) for rounds in screened)
    return math.sqrt(squares / float(special.chdtri(freedom, 0.8)))


def effect_to_confirm(flagged: Sequence[Sequence[float]], *, alpha: float = 0.10) -> float:
    """4.5 %, or half the least effect, up or down, that the screen leaves possible for any flagged figure.

    Half, because what was flagged by chance or with luck is smaller than it looked.
    A program that takes twice as long on a noisy machine need not be measured as if 4.5 % were to be
    found. What is planned rests on the first stage alone, so the test of the second keeps its size.
    """
    limits = [of_pairs(np.array(rounds, np.float64)).limits(alpha) for rounds in flagged]
    return max(WANTED, min(max(each.low, -each.high) for each in limits) / 2)


def rounds_to_confirm(
    spread: float, *, alpha: float, rule: VerdictRule = SPEED, effect: float = WANTED
) -> int:
    """How many fresh rounds detect the effect with a power of 95 %, between 5 and 30."""
    for rounds in range(LEAST_ROUNDS, MOST_ROUNDS):
        planned = Effect(0.0, spread / math.sqrt(rounds), rounds - 1.0)
        if planned.detectable(alpha=alpha, margin=rule.margin) <= effect:
            return rounds
    return MOST_ROUNDS


def plan_confirming(
    screened: Sequence[Sequence[float]], flagged: Sequence[Sequence[float]], rule: VerdictRule = SPEED
) -> int:
    """How many fresh rounds the second stage takes, from the rounds of all figures and of those flagged."""
    return rounds_to_confirm(
        planning_spread(screened),
        alpha=rule.alpha / len(flagged),
        rule=rule,
        effect=effect_to_confirm(flagged),
    )


class Confirmed(NamedTuple):
    """What the fresh rounds of the second stage say."""

    verdict: Verdict
    effect: Effect
    p_worse: float
    """Adjusted for all that were flagged."""


def screen_verdict(effect: Effect, rule: VerdictRule = SPEED) -> Verdict:
    """What is said of a figure that was not flagged: the same, or cannot tell."""
    limits = effect.limits(0.01)
    return "same" if -rule.equal < limits.low and limits.high < rule.equal else "inconclusive"


def confirm(flagged: Sequence[Sequence[float]], rule: VerdictRule = SPEED) -> list[Confirmed]:
    """The verdict on each flagged figure from its fresh rounds, Holm over all of them."""
    effects = [of_pairs(np.array(rounds, np.float64)) for rounds in flagged]
    worse = holm([effect.p_above(rule.margin) for effect in effects])
    better = holm([effect.negated().p_above(rule.margin) for effect in effects])
    return [
        Confirmed(
            decide(Worsening(effect.estimate, effect.limits(rule.alpha), float(w), float(b)), rule),
            effect,
            float(w),
        )
        for effect, w, b in zip(effects, worse, better, strict=True)
    ]
