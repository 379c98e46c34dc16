"""What the page's templates show: text, numbers to sort by, and geometry; templates compute nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple

from cvbench.compare.seeds import is_untrained
from cvbench.record import Measurement, Record
from cvbench.report.frame import Source, task_of
from cvbench.report.page.charts import Chart
from cvbench.report.table import run_in
from cvbench.units import show_bytes, show_count, show_seconds


class Value(NamedTuple):
    """A cell of a table."""

    text: str
    note: str = ""
    """Its uncertainty, in smaller letters."""
    sort: float | None = None
    """What the column is sorted by; None comes last."""
    why: str = ""
    """Its tooltip: why there is no value, or a longer text."""
    whisker: tuple[float, float, float] | None = None
    """Low, value, high, in percent of the column's range."""
    kind: str = ""
    """Its CSS class: `best`, a verdict, an outcome."""
    share: float | None = None
    """From 0 to 1: how strong its background tint is, or how long its bar."""


class Column(NamedTuple):
    """A column's header."""

    name: str
    note: str = ""
    numeric: bool = True


class Row(NamedTuple):
    """A row of a table; `key` links it to its marks in charts."""

    key: str
    title: str
    href: str
    values: Sequence[Value]
    outcome: str = "ok"
    note: str = ""
    """Shown below the title, in smaller letters."""


class Table(NamedTuple):
    """A table."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Row]


class Winner(NamedTuple):
    """One sentence: what was compared, and which model is best at what price."""

    before: str
    model: str
    href: str
    after: str


class Tradeoff(NamedTuple):
    """Accuracy against one price."""

    label: str
    chart: Chart


class Box(NamedTuple):
    """A bounding box in a picture, in pixels."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    """`found`, `false` or `missed`."""
    text: str


class Pane(NamedTuple):
    """One view of an image."""

    name: str
    address: str
    """Its content as a data URL; empty where it equals that of the pane before."""
    boxes: Sequence[Box] = ()


class Picture(NamedTuple):
    """An image with its ground truth and predictions."""

    width: int
    height: int
    panes: Sequence[Pane]
    id: str
    caption: str
    coarse: bool
    """Whether it is so small that its pixels are shown as squares."""
    anchor: str = ""
    """Id of the image in the page, where several panes show it."""

    @property
    def size(self) -> int:
        """Bytes in the page."""
        return sum(len(pane.address) for pane in self.panes)


class FlippedView(NamedTuple):
    """The changed predictions of one cell between two runs."""

    title: str
    summary: str
    pictures: Sequence[Picture]
    classes: Sequence[tuple[str, str]] = ()
    """Name and color of each class of label maps."""


class Stage(NamedTuple):
    """A stage of a cell and its share of the time."""

    name: str
    text: str
    share: float
    start: float


@dataclass(frozen=True)
class CellView:
    """Everything about one cell."""

    key: str
    title: str
    run: str
    outcome: str
    reason: str
    output: str
    summary: str
    command: str
    facts: Sequence[tuple[str, str]]
    measurements: Table
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    ledger: Sequence[Stage] = ()
    charts: Sequence[tuple[str, Chart]] = ()
    """Caption and chart."""
    tables: Sequence[tuple[str, Table]] = ()
    pictures: Sequence[Picture] = ()
    picture_classes: Sequence[tuple[str, str]] = ()
    """Name and color of each class of label maps."""
    damage: Sequence[str] = ()
    """Files that could not be read, each with the reason."""


@dataclass(frozen=True)
class TaskView:
    """A task: its cells compared, then one by one."""

    name: str
    winners: Sequence[Winner]
    """One per dataset."""
    table: Table
    tradeoffs: Sequence[Tradeoff]
    charts: Sequence[tuple[str, Chart]]
    tables: Sequence[tuple[str, Table]]
    cells: Sequence[CellView]


@dataclass(frozen=True)
class RunView:
    """Environment, data and suite of a run."""

    name: str
    facts: Sequence[tuple[str, str]]
    datasets: Table
    suite: str


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    facts: Sequence[tuple[str, str]]
    tasks: Sequence[TaskView]
    runs: Sequence[RunView]
    differences: Table | None
    flipped: Sequence[FlippedView] = ()
    not_compared: str = ""
    """Why runs could not be compared; empty where they were, or where nobody asked."""
    open_cells: bool = True


class PageRecord(NamedTuple):
    """A record with its title and anchor in the page."""

    source: Source
    record: Record
    title: str
    """Its model, with the settings in which cells of the same model differ."""
    anchor: str
    """Its id in the page."""


def by_task(sources: Sequence[Source]) -> dict[str, list[PageRecord]]:
    """Task → its records of all runs, in order."""
    found: dict[str, list[tuple[Source, Record]]] = {}
    for source in sources:
        for record in source.records:
            found.setdefault(task_of(record), []).append((source, record))
    return {
        task: [
            PageRecord(source, record, title, _anchor(sources, source, record))
            for (source, record), title in zip(several, _titles(several), strict=True)
        ]
        for task, several in found.items()
    }


def _anchor(sources: Sequence[Source], source: Source, record: Record) -> str:
    """The record's key, with the run's number where there are several runs."""
    return record.key if len(sources) == 1 else f"{record.key}-{sources.index(source) + 1}"


def _titles(cells: Sequence[tuple[Source, Record]]) -> list[str]:
    """Model names, with the options and settings in which cells of one name differ, else part of the key."""
    traits = [_traits(source, record) for source, record in cells]
    names = [record.cell.model.title or record.cell.model.name for _, record in cells]
    titles = []
    for name, own in zip(names, traits, strict=True):
        namesakes = [other for n, other in zip(names, traits, strict=True) if n == name]
        apart = [trait for trait in own if any(o.get(trait) != own[trait] for o in namesakes)]
        titles.append(
            " ".join([name, *(f"{trait}={own[trait]}" for trait in apart if own[trait] is not None)])
        )
    titles = [
        f"{title} (untrained)" if is_untrained(r) else title
        for title, (_, r) in zip(titles, cells, strict=True)
    ]
    return [
        title if titles.count(title) == 1 else f"{title} ({record.key[:4]})"
        for title, (_, record) in zip(titles, cells, strict=True)
    ]


def _traits(source: Source, record: Record) -> dict[str, Any]:
    cell = record.cell
    plain = {name: value for name, value in cell.model.options.items() if not isinstance(value, tuple)}
    return {
        **plain,
        "weights": PurePath(cell.model.weights).name if cell.model.weights else None,
        "data": cell.data.name,
        **run_in(cell.runtime),
        "device": cell.runtime.device,
        "seed": cell.seed,
        "run": source.name,
    }


NOTHING = "–"


def words(value: float, unit: str) -> str:
    """A quantity in its usual form.

    >>> words(0.81234, "fraction"), words(0.0123, "s"), words(753.2, "images/s")
    ('0.812', '12.3 ms', '753')
    """
    match unit:
        case "fraction":
            return f"{value:.3f}"
        case "s":
            return show_seconds(value)
        case "bytes":
            return show_bytes(value)
        case _:
            return show_count(value) if value >= 1 else f"{value:.3g}"


def shown(measured: Measurement | None, *, absent: str = "not measured") -> Value:
    """A value with its 95 % interval: both ends for a fraction, the relative half width for anything else."""
    if measured is None:
        return Value(NOTHING, why=absent)
    if measured.value is None:
        return Value(NOTHING, why=f"missing: {measured.missing}")
    note = measured.interval_missing or ""
    if measured.interval is not None:
        low, high = measured.interval
        if measured.unit == "fraction":
            note = f"{low:.3f} … {high:.3f}"
        elif measured.value:
            note = f"± {(high - low) / 2 / abs(measured.value):.1%}"
    return Value(words(measured.value, measured.unit), note, measured.value)


def with_whiskers(
    values: Sequence[Value], measured: Sequence[Measurement | None], *, log: bool
) -> list[Value]:
    """The same values, with their intervals on the column's range where at least two values are known."""
    spans = [
        (m.interval or (m.value, m.value)) if m is not None and m.value is not None else None
        for m in measured
    ]
    known = [end for span in spans if span is not None for end in span]
    if log:
        known = [end for end in known if end > 0]
    if len([s for s in spans if s]) < 2 or not known or min(known) == max(known):
        return list(values)
    place = math.log if log else float
    low, high = place(min(known)), place(max(known))

    def percent(value: float) -> float:
        return round(100 * (place(max(value, min(known))) - low) / (high - low), 1)

    marked = []
    for value, one, span in zip(values, measured, spans, strict=True):
        if one is None or one.value is None or span is None:
            marked.append(value)
        else:
            marked.append(value._replace(whisker=(percent(span[0]), percent(one.value), percent(span[1]))))
    return marked
