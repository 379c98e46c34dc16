"""Compare speed and memory of two runs, with one value per process, never per iteration."""

from __future__ import annotations

import math
import os
import pickle
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import NamedTuple, NoReturn, TypeVar

import numpy as np
import pyarrow as pa

from cvbench.boxes.array_types import Float64
from cvbench.compare.accuracy import Sides
from cvbench.compare.columns import column
from cvbench.compare.differences import Difference, Finding, plain
from cvbench.record import Measurement, Record
from cvbench.runner.environment.processor import threads_available
from cvbench.statistics.distributions import Interval
from cvbench.statistics.mean_effects import Effect, of_two, relative
from cvbench.statistics.verdicts import ALPHA, SPEED, VerdictRule, Worsening, decide, is_no_worse
from cvbench.store import Run, StoredFile

FEWEST = 200
"""The least number of items for which a second process pays."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def on_two_cores(work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item]) -> list[Result]:
    """`work(items)`, one result per item in order, with the second half in a forked process.

    If the child fails, this process does its half, so that errors are raised here. A process with other
    threads does not fork: the child could inherit a held lock.
    """
    if len(items) < FEWEST or not _may_fork():
        return work(items)
    half = len(items) // 2
    out, into = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of any thread; the remaining ones belong to NumPy and are idle
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(out)  # else it would wait forever to write to itself once its parent has ended
        _tell(work, items[half:], into)
    os.close(into)
    try:
        with os.fdopen(out, "rb") as pipe:  # always closed, so that the child never waits
            mine, theirs = work(items[:half]), pipe.read()
    finally:
        _, status = os.waitpid(child, 0)
    return mine + (pickle.loads(theirs) if status == 0 else work(items[half:]))  # noqa: S301, our own


def _may_fork() -> bool:
    return sys.platform == "linux" and threads_available() > 1 and threading.active_count() == 1


def _tell(work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], into: int) -> NoReturn:
    """In the child: write the results into the pipe and exit without the parent's exit handlers."""
    status = 1
    try:
        with os.fdopen(into, "wb") as pipe:
            pickle.dump(work(items), pipe, pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)


ONE_ROUND = "one process only, which does not show the variation between processes. Set time: {rounds: 5}"
MEMORY = VerdictRule(margin=0.0, gate=math.log(1.02), equal=math.log(1.02))
LEAST_BYTES = 8 * 2**20
"""Smaller differences come from the memory allocator."""
AT_ONCE = 512
"""Number of sample files read together."""


class Rounds(NamedTuple):
    """A metric with one value per process."""

    values: Float64[np.ndarray, " rounds"]
    samples: int


def rounds_of(run: Run, record: Record, figure: Measurement) -> Rounds | None:
    """The value of each process; None if the metric has no raw samples.

    `latency_p90` is the 90th percentile of the series `latency` in each process; a metric with the name of
    its series is the geometric mean in each process.
    """
    return rounds_of_many([(run, record, figure)])[0]


def rounds_of_many(asked: Sequence[tuple[Run, Record, Measurement]]) -> list[Rounds | None]:
    """`rounds_of` for many metrics, reading their files together."""
    items = [
        record.attachment("samples", f"{_series_of(figure.name)[0]}@{figure.at}")
        for _, record, figure in asked
    ]
    kept = [
        (StoredFile(*one[:2], item), one[2].name)
        for one, item in zip(asked, items, strict=True)
        if item is not None
    ]
    found = iter(on_two_cores(_read_rounds, kept))
    return [None if item is None else next(found) for item in items]


def _read_rounds(wanted: Sequence[tuple[StoredFile, str]]) -> list[Rounds]:
    """Read files in groups, then decode them: twice as fast for small files."""
    found = []
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        contents = [file.content() for file, _ in some]
        tables = [file.table(content) for (file, _), content in zip(some, contents, strict=True)]
        found += [_rounds(table, *_series_of(name)) for table, (_, name) in zip(tables, some, strict=True)]
    return found


def _rounds(table: pa.Table, series: str, percent: float | None) -> Rounds:
    values, there = column(table, series), table.column_names
    number = column(table, "round") if "round" in there else np.zeros(len(values), np.int32)
    if "valid" in there:
        valid = column(table, "valid")
        values, number = values[valid], number[valid]
    if not len(values):
        return Rounds(np.zeros(0), 0)
    starts = [0, *(np.flatnonzero(number[1:] != number[:-1]) + 1).tolist(), len(values)]
    lengths = {end - start for start, end in pairwise(starts)}
    if len(lengths) == 1:  # all rounds have equal length
        return Rounds(_centres(values.reshape(len(starts) - 1, -1), percent), len(values))
    parts = [_centres(values[None, start:end], percent) for start, end in pairwise(starts)]
    return Rounds(np.concatenate(parts), len(values))


def _centres(
    rounds: Float64[np.ndarray, "rounds n"], percent: float | None
) -> Float64[np.ndarray, " rounds"]:
    """Geometric means, or percentiles with linear interpolation as in np.percentile."""
    if percent is None:
        with np.errstate(divide="ignore"):  # a mean with a 0 in it is 0
            return np.asarray(np.exp(np.log(rounds).mean(axis=1)))
    ranked = np.sort(rounds, axis=1)
    below, beyond = divmod((ranked.shape[1] - 1) * percent / 100, 1)
    low, high = (ranked[:, min(int(below) + step, ranked.shape[1] - 1)] for step in (0, 1))
    return np.asarray(low + beyond * (high - low))


@cache
def _series_of(figure: str) -> tuple[str, float | None]:
    """The series of a metric and its percentile: `latency_p50` → latency, 50."""
    match = re.fullmatch(r"(.+)_p(\d+(?:\.\d+)?)", figure)
    return (match[1], float(match[2])) if match else (figure, None)


def compare_speed(
    pairs: Sequence[tuple[Sides, Sequence[tuple[Measurement, Measurement]]]],
    *,
    between_jobs: Callable[[Record], float] = lambda _: 0.0,
) -> list[list[Finding]]:
    """One finding per metric for each pair of cells.

    `between_jobs` is the calibrated noise between jobs of a record's machine, 0 if unknown.
    """
    asked = [
        (*side, figure)
        for sides, figures in pairs
        for both in figures
        for side, figure in zip(sides, both, strict=True)
    ]
    rounds = iter(rounds_of_many(asked))
    found = []
    for sides, figures in pairs:
        noise = between_jobs(sides[0][1]) if figures else 0.0
        found.append([_compared(both, next(rounds), next(rounds), noise) for both in figures])
    return found


def _compared(
    figures: tuple[Measurement, Measurement], before: Rounds | None, now: Rounds | None, noise: float
) -> Finding:
    draft = plain(*figures, "speed")
    if before is None or now is None:
        return Finding(replace(draft, reason="it has no stored raw samples"))
    counts = len(before.values), len(now.values)
    if min(counts) < 2:
        return Finding(replace(draft, n=min(counts), reason=ONE_ROUND))
    if min(before.values.min(), now.values.min()) <= 0:
        return Finding(replace(draft, n=min(counts), reason="a process measured 0, so there is no ratio"))
    effect = of_two(before.values, now.values, between_jobs=noise)
    return _tested(draft, effect, counts, figures[0])


def _tested(draft: Difference, effect: Effect, counts: tuple[int, int], figure: Measurement) -> Finding:
    limits = effect.limits(ALPHA)
    loss = effect if figure.direction == "lower" else effect.negated()
    return Finding(
        replace(
            draft,
            effect=relative(effect.estimate),
            interval=Interval(relative(limits.low), relative(limits.high)),
            detectable=relative(effect.detectable(alpha=ALPHA, margin=SPEED.margin)),
            n=min(counts),
            method=f"{counts[0]} against {counts[1]} processes: Welch's t on logarithms",
        ),
        Worsening(
            loss.estimate,
            loss.limits(ALPHA),
            loss.p_above(SPEED.margin),
            loss.negated().p_above(SPEED.margin),
        ),
        SPEED,
    )


def compare_memory(figures: Sequence[tuple[Measurement, Measurement]]) -> Iterator[Finding]:
    """Compare peak memory: a difference is more than 2 % and more than 8 MiB."""
    for a, b in figures:
        draft = plain(a, b, "memory")
        if not a.value or not b.value:
            yield Finding(draft)
            continue
        log = math.log(b.value / a.value)
        if abs(b.value - a.value) <= LEAST_BYTES:
            log = 0.0
        certain = Effect(log if a.direction == "lower" else -log, 0.0)
        loss = Worsening(
            certain.estimate, certain.limits(ALPHA), certain.p_above(), certain.negated().p_above()
        )
        yield Finding(
            replace(
                draft,
                verdict=decide(loss, MEMORY),
                no_worse=is_no_worse(loss, MEMORY),
                detectable=math.expm1(MEMORY.gate),
                n=1,
                method="one value each: more than 2 % and 8 MiB",
            )
        )
