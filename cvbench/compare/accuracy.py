"""Compare the accuracy of two runs, paired by image if both have per-image results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from cvbench.compare.columns import column, common_rows, rows
from cvbench.compare.differences import ClassDifference, Difference, Finding, plain
from cvbench.compare.resampling import RESAMPLES, Resamples, resample
from cvbench.record import Measurement, Record
from cvbench.statistics.bootstrap import REACH
from cvbench.statistics.distributions import Interval
from cvbench.statistics.mean_effects import Effect
from cvbench.statistics.paired_accuracy import (
    Flips,
    detectable_difference,
    flips,
    mcnemar_midp,
    square_and_add,
    tango,
)
from cvbench.statistics.verdicts import (
    ALPHA,
    AVERAGE_PRECISION,
    NEW_WEIGHTS,
    SAME_WEIGHTS,
    VerdictRule,
    Worsening,
    benjamini_hochberg,
)
from cvbench.store import Run

Sides: TypeAlias = tuple[tuple[Run, Record], tuple[Run, Record]]
_TOPK = "topk/"


class Outcomes(NamedTuple):
    """The per-image results of a metric in both runs, of their common images, in equal order."""

    protocol: str
    a: pa.Table
    b: pa.Table
    whole: bool
    """Whether these are all images of both runs."""
    sha256: tuple[str, str]
    """SHA-256 of both files."""


Memory: TypeAlias = dict[str, "Resamples | None"]
"""Resamples by the hash of their file: with many runs, each file is resampled once."""


def outcomes_of(sides: Sides, name: str) -> Outcomes | None:
    """Per-image results of both runs; None if one has none, protocols differ, or no image is common."""
    tables, hashes = [], []
    for run, record in sides:
        item = record.attachment("outcomes", name)
        if item is None:
            return None
        tables.append(run.table(record, item))
        hashes.append(item.sha256)
    a, b = tables
    protocol, other = ((table.schema.metadata or {}).get(b"protocol", b"").decode() for table in tables)
    if protocol != other:
        return None
    in_a, in_b = common_rows(a, b)
    if not in_a.any():
        return None
    whole = bool(in_a.all() and in_b.all())
    return Outcomes(protocol, rows(a, in_a), rows(b, in_b), whole, (hashes[0], hashes[1]))


def compare_accuracy(
    sides: Sides,
    names: Sequence[str],
    figures: Sequence[tuple[Measurement, Measurement]],
    *,
    memory: Memory,
) -> Iterator[Finding]:
    """One finding per metric value. `names` are the metrics with per-image results in both runs."""
    left = list(figures)
    for name in names:
        kept = outcomes_of(sides, name)
        own = [pair for pair in left if kept is not None and pair[0].protocol == kept.protocol]
        if kept is None or not own:
            continue
        left = [pair for pair in left if pair not in own]
        yield from _in_pairs(sides, kept, own, memory)
    for a, b in left:
        yield _apart(a, b, "no per-image results of common images")


def _in_pairs(
    sides: Sides, kept: Outcomes, figures: Sequence[tuple[Measurement, Measurement]], memory: Memory
) -> Iterator[Finding]:
    known = sides[0][1].artifact, sides[1][1].artifact
    same_weights = None not in known and known[0].sha256 == known[1].sha256  # type: ignore[union-attr]
    if kept.protocol.startswith(_TOPK):
        for a, b in figures:
            if a.name in kept.a.column_names:
                yield _by_flips(a, b, kept, SAME_WEIGHTS if same_weights else NEW_WEIGHTS)
            else:
                yield _apart(a, b, "the per-image results do not contain it")
        return
    classes, others = (max(len(pair[side].parts) for pair in figures) for side in (0, 1))
    if not classes or classes != others:
        for a, b in figures:
            yield _apart(a, b, "the records do not list the same classes")
        return
    before, now = (
        _resampled(kept, table, sha256, classes, memory)
        for table, sha256 in zip((kept.a, kept.b), kept.sha256, strict=True)
    )
    for a, b in figures:
        if before is None or now is None or a.name not in before.varied or a.name not in now.varied:
            yield _apart(a, b, "the per-image results of this metric cannot be resampled")
        else:
            yield _by_resamples(a, b, kept, (before, now))


def _resampled(
    kept: Outcomes, table: pa.Table, sha256: str, classes: int, memory: Memory
) -> Resamples | None:
    if not kept.whole:
        return resample(kept.protocol, table, classes, RESAMPLES)
    if sha256 not in memory:
        memory[sha256] = resample(kept.protocol, table, classes, RESAMPLES)
    return memory[sha256]


def _by_flips(a: Measurement, b: Measurement, kept: Outcomes, rule: VerdictRule) -> Finding:
    right = [column(table, a.name) for table in (kept.a, kept.b)]
    counted = flips(*right)
    around = Interval(0.0, 0.0) if _is_the_same(kept) else tango(counted, confidence=1 - 2 * ALPHA)
    loss = Worsening(
        -counted.difference,
        Interval(-around.high, -around.low),
        mcnemar_midp(counted.lost, counted.gained),
        mcnemar_midp(counted.gained, counted.lost),
    )
    flipped = f"{counted.lost} lost, {counted.gained} gained"
    return Finding(
        replace(
            _plain(kept, a, float(right[0].mean()), b, float(right[1].mean())),
            effect=counted.difference,
            interval=around,
            detectable=detectable_difference(counted, alpha=rule.alpha),
            n=counted.n,
            method=f"images in pairs: {flipped}; McNemar mid-p, Tango",
            classes=_class_flips(a, kept, right),
        ),
        loss,
        rule,
    )


def _is_the_same(kept: Outcomes) -> bool:
    """Whether both have equal results for every image: then the difference is exactly 0."""
    return bool(kept.a.equals(kept.b))


def _plain(kept: Outcomes, a: Measurement, common_a: float, b: Measurement, common_b: float) -> Difference:
    """The two values; over the common images only, if these are not all."""
    if not kept.whole:
        a, b = a.model_copy(update={"value": common_a}), b.model_copy(update={"value": common_b})
    return plain(a, b, "accuracy")


def _class_flips(a: Measurement, kept: Outcomes, right: Sequence[np.ndarray]) -> tuple[ClassDifference, ...]:
    labels = column(kept.a, "label")
    found = list[tuple[str, Flips]]()
    for k, part in enumerate(a.parts):
        own = labels == k
        if own.any():
            found.append((part.name, flips(right[0][own], right[1][own])))
    p = [2 * min(mcnemar_midp(c.lost, c.gained), mcnemar_midp(c.gained, c.lost)) for _, c in found]
    return _classes([name for name, _ in found], [c.difference for _, c in found], p)


def _classes(
    names: Sequence[str], effects: Sequence[float], p: Sequence[float]
) -> tuple[ClassDifference, ...]:
    adjusted = benjamini_hochberg(p)
    return tuple(ClassDifference(n, e, float(q)) for n, e, q in zip(names, effects, adjusted, strict=True))


def _by_resamples(
    a: Measurement, b: Measurement, kept: Outcomes, resampled: tuple[Resamples, Resamples]
) -> Finding:
    before, now = resampled
    spread = float((now.varied[a.name] - before.varied[a.name]).std(ddof=1))
    effect = Effect(now.plain[a.name] - before.plain[a.name], REACH * spread)
    rule = AVERAGE_PRECISION
    return Finding(
        replace(
            _plain(kept, a, before.plain[a.name], b, now.plain[a.name]),
            effect=effect.estimate,
            interval=effect.limits(ALPHA),
            detectable=effect.detectable(alpha=ALPHA, margin=rule.margin),
            n=len(kept.a),
            method=f"images in pairs: {len(before.varied[a.name])} Bayesian resamples, the same for both",
            classes=_class_resamples(a, before, now),
            reason="" if _is_the_same(kept) else _few_objects(a, b),
        ),
        loss_of(effect, a.direction, rule),
        rule,
    )


def _few_objects(a: Measurement, b: Measurement) -> str:
    """A warning where the resamples of so few objects vary less than test sets do; empty elsewhere."""
    for m in (a, b):
        if m.interval_missing is not None and m.effective_n is not None:
            return (
                f"only {m.effective_n:.1f} objects per class: this interval is too short, "
                "and the verdict holds for these images alone"
            )
    return ""


def loss_of(effect: Effect, direction: str, rule: VerdictRule) -> Worsening:
    """The effect, signed so that more is worse."""
    loss = effect.negated() if direction == "higher" else effect
    return Worsening(
        loss.estimate,
        loss.limits(rule.alpha),
        loss.p_above(rule.margin),
        loss.negated().p_above(rule.margin),
    )


def _class_resamples(a: Measurement, before: Resamples, now: Resamples) -> tuple[ClassDifference, ...]:
    if a.name not in before.by_class or a.name not in now.by_class:
        return ()
    if len(a.parts) != before.by_class[a.name].shape[1]:  # a record that lists its classes elsewhere alone
        return ()
    change = now.by_class[a.name] - before.by_class[a.name]
    names, effects, p = [], [], []
    for part, changed in zip(a.parts, change.T, strict=True):
        if not math.isnan(changed[0]):
            own = Effect(float(changed[0]), REACH * float(changed[1:].std(ddof=1)))
            names.append(part.name)
            effects.append(own.estimate)
            p.append(min(1.0, 2 * min(own.p_above(), own.negated().p_above())))
    return _classes(names, effects, p)


def _apart(a: Measurement, b: Measurement, why: str) -> Finding:
    """The unpaired comparison, from the interval of each value."""
    if a.interval is None or b.interval is None or a.value is None or b.value is None:
        few = next((m.interval_missing for m in (a, b) if m.interval_missing is not None), None)
        unsure = f"{why}; {few or 'and there is no interval for an unpaired comparison'}"
        return Finding(replace(plain(a, b, "accuracy"), reason=unsure))
    around = square_and_add(a.value, Interval(*a.interval), b.value, Interval(*b.interval))
    estimate, z = b.value - a.value, NormalDist().inv_cdf(0.975)
    wider = NormalDist().inv_cdf(1 - ALPHA) / z
    low, high = ((end - estimate) * wider for end in around)
    effect = Effect(estimate, max(estimate - around.low, around.high - estimate) / z)
    return Finding(
        replace(
            plain(a, b, "accuracy"),
            interval=Interval(estimate + low, estimate + high),
            detectable=effect.detectable(alpha=ALPHA, margin=AVERAGE_PRECISION.margin),
            n=min(a.n or 0, b.n or 0),
            method="unpaired: from the interval of each (square and add)",
            reason=f"{why}: compared as independent samples, which detects much less",
        ),
        loss_of(effect, a.direction, AVERAGE_PRECISION),
        AVERAGE_PRECISION,
    )
