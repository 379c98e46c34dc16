"""The history of each metric over the runs of a suite, one line per machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from cvbench.record import Measurement, Record
from cvbench.report.frame import Source
from cvbench.report.page.charts import Axis, Chart, LineSeries, ReferenceLine, curves
from cvbench.report.page.tradeoffs import fastest
from cvbench.report.page.views import words
from cvbench.report.table import primary_metrics
from cvbench.spec.canonical import digest
from cvbench.statistics.history import AFTER, changes


class RunValue(NamedTuple):
    """A value in one run."""

    number: int
    """Number of the run within its suite, from 1."""
    value: float


class SuiteHistory(NamedTuple):
    """The charts of all runs of a suite."""

    name: str
    cells: Sequence[tuple[str, Sequence[tuple[str, Chart]]]]
    """Title of a cell, and a caption and chart for each metric."""


_SPEED: Final[Mapping[str, Callable[[Record], Measurement | None]]] = {
    "latency p50": lambda record: record.measurement("latency_p50"),
    "throughput": fastest,
}


def suite_history(name: str, sources: Sequence[Source]) -> SuiteHistory:
    """The charts of each cell with a value in at least two runs; `sources` are oldest first."""
    by_key: dict[str, list[tuple[int, Source, Record]]] = {}
    for number, source in enumerate(sources, 1):
        for record in source.records:
            by_key.setdefault(record.key, []).append((number, source, record))
    cells = []
    for runs in by_key.values():
        title = runs[-1][2].cell.title
        found = [chart for metric, of in _metrics(runs).items() if (chart := _chart(title, metric, runs, of))]
        if found:
            cells.append((title, found))
    return SuiteHistory(name, cells)


def _metrics(
    runs: Sequence[tuple[int, Source, Record]],
) -> dict[str, Callable[[Record], Measurement | None]]:
    names = primary_metrics([record for *_, record in runs])[:1]
    return {**{name: _named(name) for name in names}, **_SPEED}


def _named(name: str) -> Callable[[Record], Measurement | None]:
    return lambda record: record.measurement(name)


def _chart(
    title: str,
    metric: str,
    runs: Sequence[tuple[int, Source, Record]],
    of: Callable[[Record], Measurement | None],
) -> tuple[str, Chart] | None:
    """One line per machine; None where fewer than two runs have the metric."""
    by_machine: dict[str, list[RunValue]] = {}
    unit = ""
    for number, source, record in runs:
        measured = of(record)
        if measured is not None and measured.value is not None:
            unit = measured.unit
            by_machine.setdefault(machine_name(record.environment.hard, source), []).append(
                RunValue(number, measured.value)
            )
    if sum(map(len, by_machine.values())) < 2:
        return None
    series = [LineSeries(m, [p.number for p in ps], [p.value for p in ps]) for m, ps in by_machine.items()]
    chart = curves(
        series,
        name=f"{metric} of {title} by run",
        x=Axis("run", lambda v: f"{v:g}", whole=True),
        y=Axis(metric, lambda v: words(v, unit), unit),
    )
    numbers = [p.number for ps in by_machine.values() for p in ps]
    return metric, _with_changes(chart, by_machine, low=min(numbers), high=max(numbers))


def _with_changes(
    chart: Chart, by_machine: Mapping[str, Sequence[RunValue]], *, low: int, high: int
) -> Chart:
    """The chart with a vertical line where the level of a machine's values changed permanently."""
    scale = Axis("run", str).over([low, high], start=chart.left, end=chart.width - chart.right)
    rules = []
    for machine, points in by_machine.items():
        values = np.array([p.value for p in points])
        if len(points) < 2 * AFTER or not (values > 0).all():
            continue
        for place in changes(np.log(values)):
            before, after = np.median(values[:place]), np.median(values[place:])
            change = f"{after / before - 1:+.1%}" + (f", {machine}" if len(by_machine) > 1 else "")
            rules.append(ReferenceLine(scale(points[place].number - 0.5), change))
    return chart.with_rules(rules)


def machine_name(hard: Mapping[str, Any], source: Source) -> str:
    """The GPU or processor, with a short hash of everything that speed depends on."""
    known = dict(hard or source.info.environment.hard)
    return f"{known.get('gpu') or known.get('cpu') or 'unknown'} [{digest(known)[:4]}]"
