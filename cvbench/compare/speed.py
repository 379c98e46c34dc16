"""Speed and memory of two runs: by what each fresh process came to, never by iterations."""

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
"""Items; of fewer, half of them cost no more than a process."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def on_two_cores(work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item]) -> list[Result]:
    """`work(items)`, which gives a result an item, in order, and can do a part of them by itself.

    Where the child fails, its half is done anew here: errors are those of one process. Who has threads
    besides this one stays alone, for a fork could take one's lock along.
    """
    if len(items) < FEWEST or not _may_fork():
        return work(items)
    half = len(items) // 2
    out, into = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of any thread; those that are left are NumPy's, which wait and which the child
        # does without
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(out)  # or it would wait for ever to write to itself, once its parent has gone
        _tell(work, items[half:], into)
    os.close(into)
    try:
        with os.fdopen(out, "rb") as pipe:  # closed whatever happens, so that the child never waits
            mine, told = work(items[:half]), pipe.read()
    finally:
        _, status = os.waitpid(child, 0)
    return mine + (pickle.loads(told) if status == 0 else work(items[half:]))  # noqa: S301, our own


def _may_fork() -> bool:
    return sys.platform == "linux" and threads_available() > 1 and threading.active_count() == 1


def _tell(work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], into: int) -> NoReturn:
    """The child: its results go into the pipe; it ends here, without what its parent does as it ends."""
    status = 1
    try:
        with os.fdopen(into, "wb") as pipe:
            pickle.dump(work(items), pipe, pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)


ONE_ROUND = "one process only: it does not tell how processes differ. Time it in several: time: {rounds: 5}"
MEMORY = VerdictRule(margin=0.0, gate=math.log(1.02), equal=math.log(1.02))
LEAST_BYTES = 8 * 2**20
"""Differences of less are the allocator's business."""
AT_ONCE = 512
"""Files of samples that are in memory together."""


class Rounds(NamedTuple):
    """A figure, once for each fresh process that measured it."""

    values: Float64[np.ndarray, " rounds"]
    samples: int


def rounds_of(run: Run, record: Record, figure: Measurement) -> Rounds | None:
    """What each process came to; None where no raw samples belong to the figure.

    A figure `latency_p90` is each process's own 90th percentile of the series `latency`; a figure with
    the name of its series is each process's geometric mean.
    """
    return rounds_of_many([(run, record, figure)])[0]


def rounds_of_many(asked: Sequence[tuple[Run, Record, Measurement]]) -> list[Rounds | None]:
    """The same of many figures, whose files are read behind one another."""
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
    """Files are read many at a time before the first is unpacked.

    Small ones take half the time so, for the processor keeps the code of each step at hand.
    """
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
    if len(lengths) == 1:  # all rounds at once
        return Rounds(_centres(values.reshape(len(starts) - 1, -1), percent), len(values))
    parts = [_centres(values[None, start:end], percent) for start, end in pairwise(starts)]
    return Rounds(np.concatenate(parts), len(values))


def _centres(
    rounds: Float64[np.ndarray, "rounds n"], percent: float | None
) -> Float64[np.ndarray, " rounds"]:
    """Geometric means; or percentiles between the two nearest ranks, as np.percentile has them."""
    if percent is None:
        with np.errstate(divide="ignore"):  # a mean with a 0 in it is 0
            return np.asarray(np.exp(np.log(rounds).mean(axis=1)))
    ranked = np.sort(rounds, axis=1)
    below, beyond = divmod((ranked.shape[1] - 1) * percent / 100, 1)
    low, high = (ranked[:, min(int(below) + step, ranked.shape[1] - 1)] for step in (0, 1))
    return np.asarray(low + beyond * (high - low))


@cache
def _series_of(figure: str) -> tuple[str, float | None]:
    """The series behind a figure, and which percentile of it: `latency_p50` → latency, 50."""
    match = re.fullmatch(r"(.+)_p(\d+(?:\.\d+)?)", figure)
    return (match[1], float(match[2])) if match else (figure, None)


def compare_speed(
    pairs: Sequence[tuple[Sides, Sequence[tuple[Measurement, Measurement]]]],
    *,
    between_jobs: Callable[[Record], float] = lambda _: 0.0,
) -> list[list[Finding]]:
    """For each pair of cells a finding a figure.

    `between_jobs` is the noise of a record's machine itself, where it was calibrated.
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
        return Finding(replace(draft, reason="no raw samples of it were kept"))
    counts = len(before.values), len(now.values)
    if min(counts) < 2:
        return Finding(replace(draft, n=min(counts), reason=ONE_ROUND))
    if min(before.values.min(), now.values.min()) <= 0:
        return Finding(
            replace(draft, n=min(counts), reason="a process measured 0, which has no ratio to others")
        )
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
    """Peaks hardly vary: more than 2 % and more than 8 MiB is a difference, less is none."""
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
                method="one against one: more than 2 % and 8 MiB",
            )
        )
