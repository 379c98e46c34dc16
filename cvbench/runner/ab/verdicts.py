"""From the first round to the verdicts: a screen, fresh rounds for what it flags, a null control."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from cvbench.runner.ab.interleave import Benchmark, BenchmarkTimes
from cvbench.statistics.ab_test import (
    MOST_ROUNDS,
    WANTED,
    confirm,
    is_flagged,
    looks,
    plan_confirming,
    screen_verdict,
)
from cvbench.statistics.mean_effects import Effect, of_pairs
from cvbench.statistics.verdicts import SPEED, Verdict, VerdictRule

SCREENING, CONFIRMING = 40, 80
"""Blocks per round in the first and in the second stage."""
LARGE = 1.10
"""Above this ratio, the minimum detectable slowdown is given as the reason of an inconclusive verdict."""
DIRTY = "the null control, base against itself, differed: times on this machine are unreliable now"


@runtime_checkable
class TimeBenchmarks(Protocol):
    """Times rounds of some benchmarks; with `null`, of the base against itself."""

    def __call__(
        self, wanted: Sequence[Benchmark], /, *, rounds: int, blocks: int, null: bool = False
    ) -> list[BenchmarkTimes]:
        """The times of each benchmark, in the order given."""
        ...


@dataclass(frozen=True)
class BenchmarkVerdict:
    """The verdict on one benchmark."""

    name: str
    verdict: Verdict
    ratio: float | None
    """Head's time over base's."""
    interval: tuple[float, float] | None
    """99 % over all looks together, as ratios."""
    detectable: float | None
    """The smallest slowdown that would have been called one, as a ratio."""
    rounds: int
    stage: int
    spread: float | None
    """Standard deviation of a round's logarithm."""
    reason: str = ""


@dataclass(frozen=True)
class Verdicts:
    """The verdicts on all benchmarks, and what they were reached from."""

    outcomes: tuple[BenchmarkVerdict, ...]
    null: BenchmarkVerdict | None
    timed: tuple[tuple[str, int, BenchmarkTimes], ...]
    """What was compared (`duet` or `null`), the stage, and every slice."""


def reach_verdicts(
    wanted: Sequence[Benchmark],
    time_benchmarks: TimeBenchmarks,
    *,
    screening_rounds: int = 5,
    most_rounds: int = MOST_ROUNDS,
    rule: VerdictRule = SPEED,
    with_null: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> Verdicts:
    """Verdicts on all benchmarks.

    The second stage is planned before it begins, from the spread of the first, decides by its own rounds
    alone, and stops at the first look that decides. A null control follows where something is worse or
    better: it takes these verdicts back if it is not the same, in two stages of its own. It looks for effects
    half as large as the effects that it guards, so that a large effect needs few control rounds.
    """
    count = f"{len(wanted)} benchmark{'s' if len(wanted) > 1 else ''}"
    tell(f"stage 1: {screening_rounds} rounds of {count}")
    plan = _Stages(screening_rounds, most_rounds, rule)
    outcomes, timed = _two_stages(wanted, time_benchmarks, plan, null=False, tell=tell)
    kept = [("duet", *one) for one in timed]
    control = None
    guarded = [abs(math.log(o.ratio)) for o in outcomes if o.verdict in ("worse", "better") and o.ratio]
    sound = [one for _, one in timed if one.failed is None]
    if with_null and not guarded and sound:
        tell("null control: not needed, nothing was found faster or slower")
    if with_null and guarded and sound:
        cheapest = min(sound, key=lambda one: one.once_s).benchmark
        tell(f"null control: {cheapest.name}, base against itself, {screening_rounds} rounds")
        plan = plan._replace(least_effect=max(WANTED, min(guarded) / 2))
        (control,), more = _two_stages([cheapest], time_benchmarks, plan, null=True, tell=tell)
        kept += [("null", *one) for one in more]
        if control.verdict in ("worse", "better"):
            outcomes = [
                replace(o, verdict="inconclusive", reason=DIRTY) if o.verdict in ("worse", "better") else o
                for o in outcomes
            ]
    return Verdicts(tuple(outcomes), control, tuple(kept))


class _Stages(NamedTuple):
    """How long both stages may be."""

    screening_rounds: int
    most_rounds: int
    """Of the second stage."""
    rule: VerdictRule
    least_effect: float = WANTED
    """Smaller effects need not be detected."""


def _two_stages(
    wanted: Sequence[Benchmark],
    time_benchmarks: TimeBenchmarks,
    plan: _Stages,
    *,
    null: bool,
    tell: Callable[[str], None],
) -> tuple[list[BenchmarkVerdict], list[tuple[int, BenchmarkTimes]]]:
    first = time_benchmarks(wanted, rounds=plan.screening_rounds, blocks=SCREENING, null=null)
    kept = [(1, one) for one in first]
    flagged = [one for one in first if one.failed is None and is_flagged(one.rounds)]
    outcomes = {one.benchmark.name: _screened(one, plan.rule) for one in first}
    if flagged:
        screened = [one.rounds for one in first if one.failed is None]
        rounds = plan_confirming(
            screened,
            [one.rounds for one in flagged],
            plan.rule,
            most=plan.most_rounds,
            least_effect=plan.least_effect,
        )
        at = ", ".join(str(look.rounds) for look in looks(rounds))
        names = ", ".join(one.benchmark.name for one in flagged)
        tell(f"stage 2: at most {rounds} fresh rounds of {names}; it may stop after {at}")
        second = [BenchmarkTimes(one.benchmark) for one in flagged]

        def more(places: Sequence[int], count: int, /) -> list[list[float] | None]:
            chosen = [second[place] for place in places]
            new = time_benchmarks([c.benchmark for c in chosen], rounds=count, blocks=CONFIRMING, null=null)
            for whole, part in zip(chosen, new, strict=True):
                whole.append(part)
            return [whole.rounds if whole.failed is None else None for whole in chosen]

        for one, said in zip(second, confirm(more, len(second), rounds, plan.rule), strict=True):
            kept.append((2, one))
            outcomes[one.benchmark.name] = (
                _failed(one)
                if said is None
                else _verdict(one, said.verdict, said.effect, stage=2, rule=plan.rule, share=said.share)
            )
    return [outcomes[benchmark.name] for benchmark in wanted], kept


def _screened(one: BenchmarkTimes, rule: VerdictRule) -> BenchmarkVerdict:
    if one.failed is not None:
        return _failed(one)
    effect = of_pairs(np.array(one.rounds, np.float64))
    return _verdict(one, screen_verdict(effect, rule), effect, stage=1, rule=rule)


def _failed(one: BenchmarkTimes) -> BenchmarkVerdict:
    """The head is worse if it fails where the base runs; if the base fails, the two are not comparable."""
    assert one.failed is not None
    letter, why = one.failed
    said: Verdict = "worse" if letter == "B" else "not comparable"
    side = "head" if letter == "B" else "base"
    return BenchmarkVerdict(
        one.benchmark.name, said, None, None, None, len(one.rounds), 1, None, f"{side} failed: {why}"
    )


def blurred(detectable: float) -> str:
    """What is said of a benchmark whose rounds vary too much for any verdict."""
    return (
        f"its rounds vary too much: the minimum detectable slowdown is {100 * (detectable - 1):.0f} %. "
        "Use a quieter machine or more rounds (--rounds) to detect smaller ones"
    )


def _verdict(
    one: BenchmarkTimes, said: Verdict, effect: Effect, *, stage: int, rule: VerdictRule, share: float = 1.0
) -> BenchmarkVerdict:
    """`share` is the part of alpha that the deciding look spent."""
    limits = effect.limits(rule.alpha * share)
    detectable = math.exp(effect.detectable(alpha=rule.alpha * share, margin=rule.margin))
    return BenchmarkVerdict(
        name=one.benchmark.name,
        verdict=said,
        ratio=math.exp(effect.estimate),
        interval=(math.exp(limits.low), math.exp(limits.high)),
        detectable=detectable,
        rounds=len(one.rounds),
        stage=stage,
        spread=float(np.std(one.rounds, ddof=1)),
        reason=blurred(detectable) if said == "inconclusive" and detectable > LARGE else "",
    )


def document(verdicts: Verdicts, **about: Any) -> dict[str, Any]:
    """Everything for programs, raw slices included."""
    from dataclasses import asdict

    return {
        "schema": 1,
        "kind": "duet",
        **about,
        "outcomes": [asdict(outcome) for outcome in verdicts.outcomes],
        "null": None if verdicts.null is None else asdict(verdicts.null),
        "raw": [
            {
                "arms": compared,
                "stage": stage,
                "name": one.benchmark.name,
                "rounds": one.rounds,
                "slices": one.slices,
            }
            for compared, stage, one in verdicts.timed
        ],
    }


def seeded(seed: int | None) -> random.Random:
    """The random generator of all orders; the document has its seed, so that they can be repeated."""
    return random.Random(seed)  # noqa: S311, an order and no secret
