"""The statistics of a duet: from alternating time slots to a verdict in two stages.

A block is four slots in the order ABBA or BAAB, so that linear drift cancels. A round is a new pair of
processes with several blocks; it yields one value. The first stage screens; flagged benchmarks are
measured again, and only the new rounds decide.

The second stage is a group-sequential test: its number of rounds and its looks are planned before it begins,
and each look spends its own share of alpha. The shares sum to 1, so the chance that any look raises a false
alarm is at most alpha (Bonferroni), however the looks depend on each other. Over several benchmarks, Holm's
adjustment is made at each look; what was rejected at an earlier look stays rejected.

Source: P. Ye, A. Liu, L. Liu and J. Yao, A group sequential Holm procedure with multiple primary endpoints,
Statistics in Medicine 32, 2013.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from cvbench.boxes.array_types import Float64
from cvbench.statistics.distributions import special
from cvbench.statistics.mean_effects import Effect, of_pairs, trimmed_mean
from cvbench.statistics.verdicts import SPEED, Verdict, VerdictRule, Worsening, decide, holm

LEAST_ROUNDS, MOST_ROUNDS = 5, 30
WANTED = math.log(1.045)
"""The effect that the second stage is planned to detect, unless the first stage has seen a larger one."""


class Slice(NamedTuple):
    """One time slot of one arm."""

    arm: str
    """`A`, the base, or `B`, the head."""
    seconds: float
    """Mean seconds per iteration."""


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
    """Whether the first stage flags it for the second: its interval excludes 0."""
    limits = of_pairs(np.array(rounds, np.float64)).limits(alpha)
    return limits.low > 0 or limits.high < 0


def planning_spread(screened: Sequence[Sequence[float]]) -> float:
    """A conservative standard deviation of round values, pooled over all benchmarks of the first stage.

    The upper 80 % limit of the pooled standard deviation: five rounds estimate it to a third only, and
    the estimate itself would plan too few rounds half of the time.
    """
    freedom = sum(len(rounds) - 1 for rounds in screened)
    squares = sum(float(np.var(rounds)) * len(rounds) for rounds in screened)
    return math.sqrt(squares / float(special.chdtri(freedom, 0.8)))


def effect_to_confirm(flagged: Sequence[Sequence[float]], *, alpha: float = 0.10) -> float:
    """4.5 %, or half the smallest effect, up or down, that the first stage allows for any flagged benchmark.

    Half, because a flagged effect tends to be overestimated. A program that takes twice as long on a noisy
    machine needs fewer rounds than an effect of 4.5 %. The plan depends on the first stage only, so the test
    of the second stage keeps its size.
    """
    limits = [of_pairs(np.array(rounds, np.float64)).limits(alpha) for rounds in flagged]
    return max(WANTED, min(max(each.low, -each.high) for each in limits) / 2)


class Look(NamedTuple):
    """A point at which the second stage may stop."""

    rounds: int
    """Number of new rounds before it."""
    share: float
    """The share of alpha that this look spends."""


def looks(planned: int) -> tuple[Look, ...]:
    """The looks of a second stage of `planned` rounds: a short one has only its end.

    >>> looks(8), looks(12)
    ((Look(rounds=8, share=1.0),), (Look(rounds=5, share=0.5), Look(rounds=12, share=0.5)))
    """
    if planned < 2 * LEAST_ROUNDS:
        return (Look(planned, 1.0),)
    early = (LEAST_ROUNDS,) if planned < 4 * LEAST_ROUNDS else (LEAST_ROUNDS, planned // 2)
    return (*(Look(rounds, 0.5 / len(early)) for rounds in early), Look(planned, 0.5))


def rounds_to_confirm(
    spread: float,
    *,
    alpha: float,
    rule: VerdictRule = SPEED,
    effect: float = WANTED,
    most: int = MOST_ROUNDS,
) -> int:
    """Number of new rounds that detect the effect with a power of 95 %, from 5 to 30 (or `most`)."""
    for rounds in range(LEAST_ROUNDS, most):
        planned = Effect(0.0, spread / math.sqrt(rounds), rounds - 1.0)
        if planned.detectable(alpha=alpha * looks(rounds)[-1].share, margin=rule.margin) <= effect:
            return rounds
    return most


def plan_confirming(
    screened: Sequence[Sequence[float]],
    flagged: Sequence[Sequence[float]],
    rule: VerdictRule = SPEED,
    *,
    most: int = MOST_ROUNDS,
    least_effect: float = WANTED,
) -> int:
    """How many fresh rounds the second stage takes, from the rounds of all benchmarks and of those flagged.

    Effects below `least_effect` need not be detected.
    """
    return rounds_to_confirm(
        planning_spread(screened),
        alpha=rule.alpha / len(flagged),
        rule=rule,
        effect=max(least_effect, effect_to_confirm(flagged)),
        most=most,
    )


class Confirmed(NamedTuple):
    """What the fresh rounds of the second stage say."""

    verdict: Verdict
    effect: Effect
    p_worse: float
    """Adjusted for all that were flagged, and for the looks."""
    share: float = 1.0
    """Of alpha, that the deciding look spent."""


def screen_verdict(effect: Effect, rule: VerdictRule = SPEED) -> Verdict:
    """The verdict on a benchmark that was not flagged: same or inconclusive."""
    limits = effect.limits(0.01)
    return "same" if -rule.equal < limits.low and limits.high < rule.equal else "inconclusive"


More: TypeAlias = Callable[[Sequence[int], int], Sequence[Sequence[float] | None]]
"""Times N more rounds of the benchmarks with these numbers; returns all new rounds of each, None if it
failed."""


def confirm(more: More, flagged: int, planned: int, rule: VerdictRule = SPEED) -> list[Confirmed | None]:
    """The verdict on each flagged benchmark from new rounds only; None if it failed.

    A benchmark is timed until a look decides it (worse, better or the same), or until the planned rounds.
    """
    said: list[Confirmed | None] = [None] * flagged
    undecided, done = list(range(flagged)), 0
    for look in looks(planned):
        fresh = more(undecided, look.rounds - done)
        done = look.rounds
        effects = {
            place: of_pairs(np.array(rounds, np.float64))
            for place, rounds in zip(undecided, fresh, strict=True)
            if rounds is not None
        }
        found = _at_a_look(effects, said, look.share, rule)
        is_last = done == planned
        said = [
            found.get(n, one) if is_last or _is_decided(found.get(n)) else one for n, one in enumerate(said)
        ]
        undecided = [place for place in effects if said[place] is None]
        if not undecided:
            break
    return said


def _is_decided(one: Confirmed | None) -> bool:
    return one is not None and one.verdict != "inconclusive"


def _at_a_look(
    effects: Mapping[int, Effect], said: Sequence[Confirmed | None], share: float, rule: VerdictRule
) -> dict[int, Confirmed]:
    """Verdicts with this look's share of alpha; Holm counts the rejections of earlier looks."""

    def adjusted(word: Verdict, p: Mapping[int, float]) -> Float64[np.ndarray, " flagged"]:
        rejected = [one is not None and one.verdict == word for one in said]
        return holm([0.0 if done else min(1.0, p.get(n, 1.0) / share) for n, done in enumerate(rejected)])

    worse = adjusted("worse", {n: effect.p_above(rule.margin) for n, effect in effects.items()})
    better = adjusted("better", {n: effect.negated().p_above(rule.margin) for n, effect in effects.items()})
    found = {}
    for n, effect in effects.items():
        limits = effect.limits(rule.alpha * share)
        loss = Worsening(effect.estimate, limits, float(worse[n]), float(better[n]))
        found[n] = Confirmed(decide(loss, rule), effect, float(worse[n]), share)
    return found
