"""What the page's template is given: words, numbers to sort by, and geometry; nothing is computed there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cvbench.report.page.charts import Chart


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
