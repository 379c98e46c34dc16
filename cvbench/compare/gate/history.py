"""Compare speed with many earlier jobs on one machine: sudden and slow losses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cvbench.compare.comparability import domain_of, is_primary
from cvbench.compare.gate.baselines import Baseline, Job, figure_key, points
from cvbench.compare.gate.result import Answer, Item
from cvbench.record import Measurement, Record
from cvbench.statistics.history import LEAST_JOBS, HistoryForecast, changes, forecast
from cvbench.statistics.mean_effects import relative
from cvbench.statistics.verdicts import SPEED

CONFIRMING = 3
"""Number of jobs that decide after an alarm."""
ANCHOR = 5
"""Number of jobs after a change of level that are the reference for slow losses."""


def against_history(baseline: Baseline, new: Sequence[Job], record: Record) -> Iterator[Item]:
    """One item per speed metric of a cell with a long enough history on this machine and software.

    `new` are the jobs to judge, the newest last; one raises an alarm, three decide. Only jobs since the last
    change of level count; the first of them are the reference for slow losses.
    """
    hard = new[-1].hard
    for m in record.measurements:
        if not (is_primary(m) and domain_of(m) == "speed"):
            continue
        figure = figure_key(record.key, m.name, m.at)
        past, now = points(baseline.jobs, figure, hard), points(tuple(new), figure, hard)
        if len(past) < LEAST_JOBS or not len(now):
            continue
        sign = 1.0 if m.direction == "lower" else -1.0
        yield _judge(record, m, sign * past, sign * now)


def _judge(record: Record, m: Measurement, past: np.ndarray, now: np.ndarray) -> Item:
    """`past` and `now` are signed so that more is worse."""
    last = past[([0, *changes(past)])[-1] :]
    segment = last if len(last) >= LEAST_JOBS else past
    expected, gate = forecast(segment), SPEED.gate
    jobs = min(len(now), CONFIRMING)
    loss = float(np.mean(now[-jobs:])) - expected.centre
    limit = expected.threshold(gate=gate, new_jobs=jobs)
    anchor = HistoryForecast(float(np.mean(segment[:ANCHOR])), expected.spread, ANCHOR)
    crept = float(np.mean(now[-jobs:])) - anchor.centre
    least = expected.detectable(gate=gate, new_jobs=jobs)
    shown = (
        f"{_percent(loss)} against {expected.jobs} earlier jobs, which vary by "
        f"{_percent(expected.spread, sign=False)}; the limit is {_percent(limit)}, "
        f"{_percent(least)} is detectable"
    )
    name = f"{m.name} ({m.at})" if m.at else m.name
    if loss > limit:
        more = (
            ""
            if jobs >= CONFIRMING
            else f"; alarm from {jobs} job{'s' * (jobs > 1)}: {CONFIRMING} jobs decide"
        )
        return Item(record.cell.title, name, Answer.REGRESSION, shown + more)
    if crept > anchor.threshold(gate=SPEED.equal, new_jobs=jobs):
        first = f"{_percent(crept)} against the first jobs of this level: small losses have added up"
        return Item(record.cell.title, name, Answer.REGRESSION, f"{first}; {shown}")
    if least > SPEED.equal:
        return Item(
            record.cell.title,
            name,
            Answer.INCONCLUSIVE,
            f"{shown}: the noise between jobs on this machine is too large for a gate of "
            f"{_percent(SPEED.equal, sign=False)}. Measure side by side instead: cvbench duet",
        )
    return Item(record.cell.title, name, Answer.PASS, shown)


def steps(baseline: Baseline, titles: dict[str, str]) -> Iterator[str]:
    """Lasting changes of metrics, one line each."""
    hards = dict.fromkeys(job.hard for job in baseline.jobs)
    names = dict.fromkeys(name for job in baseline.jobs for name in job.figures)
    for hard in hards:
        jobs = [job for job in baseline.jobs if job.hard == hard]
        for figure in names:
            own = [job for job in jobs if figure in job.figures]
            values = points(tuple(own), figure, hard)
            ends = [0, *changes(values), len(values)]
            for before, place, after in zip(ends, ends[1:], ends[2:], strict=False):
                size = float(np.median(values[place:after]) - np.median(values[before:place]))
                cell, _, name = figure.partition(" ")
                yield (
                    f"{titles.get(cell, cell)}: {name} changed by {_percent(size)} with job {own[place].run} "
                    f"and has stayed there for {after - place} jobs"
                )


def _percent(log: float, *, sign: bool = True) -> str:
    value = 100 * relative(log)
    return f"{value:+.1f} %" if sign else f"{value:.1f} %"
