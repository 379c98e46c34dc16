"""A run compared with a baseline: no primary metric may be worse, and no cell or metric may be missing."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from cvbench.compare.comparison import Comparison, compare
from cvbench.compare.differences import Difference
from cvbench.compare.formatting import before_after, change, figure_name, interval
from cvbench.compare.gate.baselines import Baseline, job_of, read_baseline, unpacked
from cvbench.compare.gate.history import against_history, steps
from cvbench.compare.gate.result import Answer, Item
from cvbench.compare.seeds import titles
from cvbench.compare.speed import ONE_ROUND
from cvbench.errors import InputError
from cvbench.store import Run, Store
from cvbench.units import show_value

REACH_S = 50e-6
"""A thousand times the cost of reading the clock: shorter calls cannot be timed alone."""


def _compare_runs(
    run: Run, base: Run, *, metrics: str | None = None, baseline: Baseline | None = None
) -> tuple[list[Item], Comparison]:
    """One item per primary metric of each cell of the base: no worse, worse, or inconclusive.

    A cell or metric that the base has and the run does not have is a failure, never a skip. Speed is
    judged by the baseline's history if that is long enough, otherwise by the rounds of its run. `metrics` is
    a pattern that selects metrics other than the primary ones. Timings that are too short for the clock, or
    from one process only, are listed and do not decide.
    """
    comparison = compare(base, run)
    records = run.records()
    history = dict[tuple[str, str], Item]()
    if baseline is not None:
        new = job_of(run, records)
        for record in records:
            for item in against_history(baseline, [new], record):
                history[record.key, item.about] = item
    items = [
        Item(title, "outcome", Answer.FAILED, "in the baseline, but not in the run")
        for title in comparison.only_a
    ]
    items += [
        Item(cell.title, "outcome", Answer.FAILED, "ok in the baseline, but skipped in the run")
        for cell in comparison.cells
        if cell.outcome_a == "ok" and cell.outcome_b == "skipped"
    ]
    for cell, difference in comparison.differences:
        chosen = difference.primary if metrics is None else fnmatchcase(difference.figure, metrics)
        if chosen and cell.outcome_a == "ok" and cell.outcome_b == "ok":
            known = None if _unjudged(difference) else history.get((cell.key_b, figure_name(difference)))
            items.append(
                _item(cell.title, difference)
                if known is None
                else replace(known, cell=cell.title, message=f"{before_after(difference)}, {known.message}")
            )
    return items, comparison


class BaselineCheck(NamedTuple):
    """The result of comparing a run with another run or a baseline."""

    items: list[Item]
    comparison: Comparison
    steps: list[str]
    """Lasting changes of metrics in the baseline's history, one line each."""


def check_against(run: Run, against: str, *, metrics: str | None = None, out: Path) -> BaselineCheck:
    """Compare the run with a baseline file, `….json`, or with another run, by folder or name."""
    path = Path(against)
    if path.suffix != ".json":
        return BaselineCheck(*_compare_runs(run, Store(out).find(against), metrics=metrics), [])
    baseline = read_baseline(path)
    with unpacked(baseline, path) as base:
        told = list(
            steps(
                baseline, dict(zip((r.key for r in baseline.records), titles(baseline.records), strict=True))
            )
        )
        return BaselineCheck(*_compare_runs(run, base, metrics=metrics, baseline=baseline), told)


def _item(title: str, difference: Difference) -> Item:
    name = figure_name(difference)
    if difference.a is not None and difference.b is None:
        return Item(title, name, Answer.REGRESSION, f"{before_after(difference)}: {difference.reason}")
    if difference.verdict == "not comparable":
        lacking = difference.a is None
        shown = difference.reason if lacking else f"{before_after(difference)}: {difference.reason}"
        return Item(title, name, Answer.PASS if lacking else Answer.INCOMPARABLE, shown)
    shown = f"{before_after(difference)}, {change(difference)}"
    if difference.interval is not None:
        shown += f" ({interval(difference)})"
    if why := _unjudged(difference):
        return Item(title, name, Answer.NOT_JUDGED, f"{shown}: {why}")
    reason = f" - {difference.reason}" if difference.reason else ""
    if difference.verdict == "worse":
        return Item(title, name, Answer.REGRESSION, shown + reason)
    if difference.no_worse or difference.verdict in ("better", "same"):
        return Item(title, name, Answer.PASS, f"{difference.verdict}: {shown}{reason}")
    seen = difference.detectable
    ratio = difference.scale == "ratio"
    least = "" if seen is None else f"; detectable: {f'{seen:.1%}' if ratio else f'{seen:.4f}'}"
    return Item(title, name, Answer.INCONCLUSIVE, f"{shown}{least}{reason}")


def _unjudged(difference: Difference) -> str:
    """Why a timing cannot decide; empty if it can.

    Two calls that are too short to be timed alone differ by Python's own overhead. One process does not show
    how processes differ; a change by a factor of 2 or more asks for an answer all the same.
    """
    a, b = difference.a, difference.b
    if difference.domain != "speed" or a is None or b is None or difference.verdict == "not comparable":
        return ""
    if difference.unit == "s" and max(a, b) < REACH_S:
        return f"shorter than {show_value(REACH_S, 's')}, which is too short to be timed reliably"
    if difference.reason == ONE_ROUND and max(a, b) < 2 * min(a, b):
        return ONE_ROUND
    return ""


def nothing_to_check(run: Run) -> InputError:
    """The error for a run without finished cells."""
    return InputError(
        f"{run.folder}: no cell is finished, so there is nothing to check. Resume it with cvbench run."
    )
