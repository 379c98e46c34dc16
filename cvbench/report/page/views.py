"""What the page's template is given: words, numbers to sort by, and geometry; nothing is computed there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """What it is ordered by; None comes last."""
    why: str = ""
    """Why there is nothing, or a longer word for it."""
    whisker: tuple[float, float, float] | None = None
    """Low, value, high, in percent of the column's range."""
    kind: str = ""
    """A class for its look: `best`, a verdict, an outcome."""
    share: float | None = None
    """From 0 to 1: how strongly its ground is tinted, or how long its bar is."""


class Column(NamedTuple):
    """The head of a column."""

    name: str
    note: str = ""
    numeric: bool = True


class Row(NamedTuple):
    """A row of a comparison; `key` ties it to its marks in charts."""

    key: str
    title: str
    href: str
    values: Sequence[Value]
    outcome: str = "ok"
    note: str = ""
    """Stands below the title, in smaller letters."""


class Table(NamedTuple):
    """A comparison that can be sorted."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Row]


class Missing(NamedTuple):
    """What is not shown, and why."""

    what: str
    why: str


class Tradeoff(NamedTuple):
    """One price, against accuracy."""

    label: str
    chart: Chart


class Box(NamedTuple):
    """A frame in a picture."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    """`found`, `false` or `missed`."""
    text: str


class Pane(NamedTuple):
    """One look at an image."""

    name: str
    address: str
    """Its content as a data address; empty where it is that of the pane before."""
    boxes: Sequence[Box] = ()


class Picture(NamedTuple):
    """An image with what is true and what was said."""

    width: int
    height: int
    panes: Sequence[Pane]
    id: str
    caption: str
    coarse: bool
    """Whether its pixels are to be seen as squares."""
    anchor: str = ""
    """Names its pixels in the page, where more than one pane shows them."""

    @property
    def size(self) -> int:
        """Bytes that it takes of the page."""
        return sum(len(pane.address) for pane in self.panes)


class FlippedView(NamedTuple):
    """The images of one cell whose outcome changed from one run to another."""

    title: str
    summary: str
    pictures: Sequence[Picture]
    classes: Sequence[tuple[str, str]] = ()
    """Names and colours of the classes of label maps."""


class Stage(NamedTuple):
    """A stretch of the ledger."""

    name: str
    text: str
    share: float
    start: float


@dataclass(frozen=True)
class CellView:
    """Everything of one cell."""

    key: str
    title: str
    run: str
    outcome: str
    reason: str
    output: str
    summary: str
    command: str
    facts: Sequence[tuple[str, str]]
    figures: Table
    notes: Sequence[str] = ()
    cautions: Sequence[str] = ()
    ledger: Sequence[Stage] = ()
    charts: Sequence[tuple[str, Chart]] = ()
    """With a caption each."""
    tables: Sequence[tuple[str, Table]] = ()
    pictures: Sequence[Picture] = ()
    picture_classes: Sequence[tuple[str, str]] = ()
    """Names and colours of the classes of label maps."""
    missing: Sequence[Missing] = ()


@dataclass(frozen=True)
class TaskView:
    """A task: all its cells side by side, then one by one."""

    name: str
    table: Table
    tradeoffs: Sequence[Tradeoff]
    charts: Sequence[tuple[str, Chart]]
    tables: Sequence[tuple[str, Table]]
    cells: Sequence[CellView]
    missing: Sequence[Missing]


@dataclass(frozen=True)
class RunView:
    """Where the figures come from."""

    name: str
    facts: Sequence[tuple[str, str]]
    passports: Table
    suite: str


@dataclass(frozen=True)
class Page:
    """The whole."""

    title: str
    facts: Sequence[tuple[str, str]]
    tasks: Sequence[TaskView]
    runs: Sequence[RunView]
    differences: Table | None
    flipped: Sequence[FlippedView] = ()
    missing: Sequence[Missing] = field(default=())
    open_cells: bool = True


class PageRecord(NamedTuple):
    """A record as the page tells it."""

    source: Source
    record: Record
    title: str
    """Its model, with what sets it apart from its namesakes of the same task."""
    anchor: str
    """Names it in the page."""


def told(sources: Sequence[Source]) -> dict[str, list[PageRecord]]:
    """Task → its records of all runs, in order."""
    found: dict[str, list[tuple[Source, Record]]] = {}
    for source in sources:
        for record in source.records:
            found.setdefault(task_of(record), []).append((source, record))
    return {
        task: [
            PageRecord(source, record, title, _anchor(sources, source, record))
            for (source, record), title in zip(those, _titles(those), strict=True)
        ]
        for task, those in found.items()
    }


def _anchor(sources: Sequence[Source], source: Source, record: Record) -> str:
    """One cell may be in several runs."""
    return record.key if len(sources) == 1 else f"{record.key}-{sources.index(source) + 1}"


def _titles(those: Sequence[tuple[Source, Record]]) -> list[str]:
    """The model, with those options and settings in which its namesakes differ, else the key's beginning."""
    traits = [_traits(source, record) for source, record in those]
    names = [record.cell.model.title or record.cell.model.name for _, record in those]
    titles = []
    for name, own in zip(names, traits, strict=True):
        namesakes = [other for n, other in zip(names, traits, strict=True) if n == name]
        apart = [trait for trait in own if any(o.get(trait) != own[trait] for o in namesakes)]
        titles.append(
            " ".join([name, *(f"{trait}={own[trait]}" for trait in apart if own[trait] is not None)])
        )
    titles = [
        f"{title} (untrained)" if is_untrained(r) else title
        for title, (_, r) in zip(titles, those, strict=True)
    ]
    return [
        title if titles.count(title) == 1 else f"{title} ({record.key[:4]})"
        for title, (_, record) in zip(titles, those, strict=True)
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


def shown(figure: Measurement | None, *, absent: str = "not measured") -> Value:
    """A figure with its 95 % interval: both ends of a share, the relative half width of anything else."""
    if figure is None:
        return Value(NOTHING, why=absent)
    if figure.value is None:
        return Value(NOTHING, why=f"missing: {figure.missing}")
    note = ""
    if figure.interval is not None:
        low, high = figure.interval
        if figure.unit == "fraction":
            note = f"{low:.3f} … {high:.3f}"
        elif figure.value:
            note = f"± {(high - low) / 2 / abs(figure.value):.1%}"
    return Value(words(figure.value, figure.unit), note, figure.value)


def with_whiskers(
    values: Sequence[Value], figures: Sequence[Measurement | None], *, log: bool
) -> list[Value]:
    """The same values with marks on one range, where at least two can be placed on it."""
    spans = [
        (f.interval or (f.value, f.value)) if f is not None and f.value is not None else None for f in figures
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
    for value, figure, span in zip(values, figures, spans, strict=True):
        if figure is None or figure.value is None or span is None:
            marked.append(value)
        else:
            marked.append(value._replace(whisker=(percent(span[0]), percent(figure.value), percent(span[1]))))
    return marked


def finds_objects(record: Record) -> bool:
    """Whether it was scored as a detector."""
    return any(m.name in ("AP", "mAP") for m in record.measurements)
