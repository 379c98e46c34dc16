"""A run at the gate: every cell has to be there and finished, every figure no worse than the baseline's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import yaml

from cvbench.compare.comparison import Comparison, compare
from cvbench.compare.differences import Difference
from cvbench.compare.formatting import change, figure_name, interval
from cvbench.compare.gate.baselines import Baseline, job_of, read_baseline, unpacked
from cvbench.compare.gate.history import against_history, steps
from cvbench.compare.gate.result import Answer, Item
from cvbench.errors import InputError
from cvbench.record import Record
from cvbench.store import Run, Store
from cvbench.units import show_value


def check_outcomes(records: Sequence[Record]) -> Iterator[Item]:
    """An item a cell: whether it finished, and all of its figures are numbers."""
    for record in records:
        if record.outcome not in ("ok", "skipped"):
            told = f"{record.outcome}: {record.reason}"
            yield Item(record.cell.title, "outcome", Answer.FAILED, told)
            continue
        broken = [m.name for m in record.measurements if m.value is not None and not math.isfinite(m.value)]
        if broken:
            told = f"no number: {', '.join(broken)}"
            yield Item(record.cell.title, "outcome", Answer.REGRESSION, told)
        else:
            yield Item(record.cell.title, "outcome", Answer.PASS, record.reason or record.outcome)


def floors_of(run: Run) -> Mapping[str, Mapping[str, float]]:
    """What the run's suite expects, by model and figure, as the file stood when it was run."""
    try:
        content = yaml.safe_load(str(run.about.get("suite_text", "")))
    except yaml.YAMLError:
        return {}  # the run was read from it once, so this is a run.json that somebody has changed
    expected = content.get("expect") if isinstance(content, dict) else None
    return expected if isinstance(expected, dict) else {}


def check_floors(records: Sequence[Record], floors: Mapping[str, Mapping[str, float]]) -> Iterator[Item]:
    """An item for each floor; a figure that is missing, or no number, misses it."""
    for record in records:
        for figure, floor in floors.get(record.cell.model.name, {}).items():
            measured = record.measurement(figure)
            value = measured.value if measured else None
            if measured is None or value is None:
                told = f"missing: {measured.missing if measured else 'it was not measured'}"
            else:
                told = f"{show_value(value, measured.unit)}, expected at least {floor:g}"
            passes = value is not None and math.isfinite(value) and value >= floor
            answer = Answer.PASS if passes else Answer.REGRESSION
            yield Item(record.cell.title, f"expect {figure}", answer, told)


def check_against(
    run: Run, base: Run, *, figures: str | None = None, baseline: Baseline | None = None
) -> tuple[list[Item], Comparison]:
    """An item for each headline of each cell of the base: no worse, worse, or cannot tell.

    A cell or figure that the base has and the run has not is a failure, never a skip. Speed is judged by
    the baseline's history where that is long enough, otherwise by the rounds of its one run. `figures`
    is a pattern that chooses others than the headlines.
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
        Item(title, "outcome", Answer.FAILED, "it is in the baseline and not in the run")
        for title in comparison.only_a
    ]
    for cell, difference in comparison.differences:
        chosen = difference.headline if figures is None else fnmatchcase(difference.figure, figures)
        if chosen and cell.outcome_a == "ok" and cell.outcome_b == "ok":
            known = history.get((cell.key_b, figure_name(difference)))
            items.append(known or _item(cell.title, difference))
    return items, comparison


class Held(NamedTuple):
    """What came of a run that was held against a run or a baseline."""

    items: list[Item]
    comparison: Comparison
    steps: list[str]
    """Where the history of a baseline changed for good."""


def held_against(run: Run, against: str, *, figures: str | None = None, out: Path) -> Held:
    """The run against a baseline file, `….json`, or against another run, by folder or name."""
    path = Path(against)
    if path.suffix != ".json":
        return Held(*check_against(run, Store(out).find(against), figures=figures), [])
    baseline = read_baseline(path)
    with unpacked(baseline, path) as base:
        told = list(steps(baseline, {record.key: record.cell.title for record in baseline.records}))
        return Held(*check_against(run, base, figures=figures, baseline=baseline), told)


def _item(title: str, difference: Difference) -> Item:
    name = figure_name(difference)
    told = f"{change(difference)} ({interval(difference)})" if difference.interval else change(difference)
    if difference.a is not None and difference.b is None:
        return Item(title, name, Answer.REGRESSION, difference.reason)
    if difference.verdict == "not comparable":
        lacking = difference.a is None
        return Item(title, name, Answer.PASS if lacking else Answer.INCOMPARABLE, difference.reason)
    if difference.verdict == "worse":
        return Item(title, name, Answer.REGRESSION, told)
    if difference.no_worse or difference.verdict in ("better", "same"):
        return Item(title, name, Answer.PASS, f"{difference.verdict}: {told}")
    seen = difference.detectable
    ratio = difference.scale == "ratio"
    least = "" if seen is None else f"; it would have seen {f'{seen:.1%}' if ratio else f'{seen:.4f}'}"
    why = f" - {difference.reason}" if difference.reason else ""
    return Item(title, name, Answer.INCONCLUSIVE, f"{told}{least}{why}")


def nothing_to_check(run: Run) -> InputError:
    """What is said where a run has no cell at all."""
    return InputError(f"{run.folder}: no cell is finished there, so there is nothing to check.")
