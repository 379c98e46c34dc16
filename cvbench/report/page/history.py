"""What became of each figure from run to run, machine by machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from cvbench.record import Measurement, Record
from cvbench.report.frame import Source
from cvbench.report.page.charts import Axis, Chart, LineSeries, ReferenceLine, curves
from cvbench.report.page.tradeoffs import fastest
from cvbench.report.page.views import Missing, words
from cvbench.report.table import primary_metrics
from cvbench.spec.canonical import digest
from cvbench.statistics.history import AFTER, changes


class RunValue(NamedTuple):
    """A figure in one run."""

    number: int
    """Of the run, among all of its suite."""
    value: float


class SuiteHistory(NamedTuple):
    """All runs of a suite."""

    name: str
    cells: Sequence[tuple[str, Sequence[tuple[str, Chart]]]]
    """Title of a cell, and a chart with its caption for each figure."""
    missing: Sequence[Missing]


_Figures: Final[Mapping[str, Callable[[Record], Measurement | None]]] = {
    "latency p50": lambda record: record.measurement("latency_p50"),
    "images/s": fastest,
}


def suite_history(name: str, sources: Sequence[Source]) -> SuiteHistory:
    """The charts of every cell that is in two runs at least; `sources` are oldest first."""
    by_key: dict[str, list[tuple[int, Source, Record]]] = {}
    for number, source in enumerate(sources, 1):
        for record in source.records:
            by_key.setdefault(record.key, []).append((number, source, record))
    cells, missing = [], []
    for those in by_key.values():
        title = those[-1][2].cell.title
        found = [
            chart for figure, of in _figures(those).items() if (chart := _chart(title, figure, those, of))
        ]
        if found:
            cells.append((title, found))
        else:
            missing.append(Missing(f"history of {title}", "no figure is in two runs"))
    return SuiteHistory(name, cells, missing)


def _figures(
    those: Sequence[tuple[int, Source, Record]],
) -> dict[str, Callable[[Record], Measurement | None]]:
    names = primary_metrics([record for *_, record in those])[:1]
    return {**{name: _named(name) for name in names}, **_Figures}


def _named(name: str) -> Callable[[Record], Measurement | None]:
    return lambda record: record.measurement(name)


def _chart(
    title: str,
    figure: str,
    those: Sequence[tuple[int, Source, Record]],
    of: Callable[[Record], Measurement | None],
) -> tuple[str, Chart] | None:
    """A line a machine; None where no two runs have the figure."""
    by_machine: dict[str, list[RunValue]] = {}
    unit = ""
    for number, source, record in those:
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
        name=f"{figure} of {title} by run",
        x=Axis("run", lambda v: f"{v:g}"),
        y=Axis(figure, lambda v: words(v, unit)),
    )
    numbers = [p.number for ps in by_machine.values() for p in ps]
    return figure, _with_changes(chart, by_machine, low=min(numbers), high=max(numbers))


def _with_changes(
    chart: Chart, by_machine: Mapping[str, Sequence[RunValue]], *, low: int, high: int
) -> Chart:
    """The chart with a rule where the level of a machine's figures changed for good."""
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
    """The processor or GPU, with a short hash of everything that makes speed comparable."""
    known = dict(hard or source.info.environment.hard)
    return f"{known.get('gpu') or known.get('cpu') or 'unknown'} [{digest(known)[:4]}]"
