"""The progress of a suite: one live line per cell in a terminal, one plain line per stage in a log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from cvbench.record import Measurement, Record
from cvbench.report.skips import short_reason
from cvbench.runner.progress import Progress
from cvbench.spec.cell import Cell
from cvbench.spec.titles import distinct_titles
from cvbench.units import show_seconds

_MARKS = {"ok": "[green]✓[/green]", "skipped": "[yellow]-[/yellow]"}


class Display:
    """Listens to a session and shows its progress on a console; nothing on a quiet one."""

    def __init__(self, console: Console, cells: Sequence[Cell]) -> None:
        self._console = console
        self._number = {cell.key: place for place, cell in enumerate(cells, 1)}
        self._titles = dict(zip(self._number, distinct_titles(cells), strict=True))
        self._width = max(map(len, self._titles.values()))
        self._bars = Bars(
            TextColumn("{task.description}"),
            TextColumn("[cyan]{task.fields[stage]:8}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None
        self._stage = ""
        self._note = ""
        self._since = time.monotonic()
        self._shown = set[str]()

    def __enter__(self) -> Display:  # noqa: PYI034  (the shape checker of the tests cannot read Self here)
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def started(self, cell: Cell) -> None:
        """The process of a cell starts."""
        self._stage = ""
        self._shown.clear()
        if self._console.is_terminal:
            self._bar = self._bars.add_task(self._label(cell), total=1.0, stage="start", note="")
        else:
            self._console.print(f"{self._label(cell)}: started")

    def progressed(self, cell: Cell, progress: Progress) -> None:
        """Show how far a cell is; in a log, the line of each stage when it has ended."""
        eta = f"ETA {show_seconds(progress.eta_s)}" if progress.eta_s and progress.eta_s >= 1 else ""
        if self._bar is not None:
            note = escape("   ".join(part for part in (progress.note, eta) if part))
            if progress.share is None:
                self._bars.reset(self._bar, total=None, stage=progress.stage, note=note)
            else:
                self._bars.update(
                    self._bar, total=1.0, completed=progress.share, stage=progress.stage, note=note
                )
        if progress.stage != self._stage:
            self._end_stage(cell)
            self._stage, self._note, self._since = progress.stage, "", time.monotonic()
        self._note = progress.note or self._note

    def _end_stage(self, cell: Cell) -> None:
        """In a log: the stage with its time and its last note, once per cell and stage."""
        if self._bar is None and self._stage and self._stage not in self._shown:
            note = f", {self._note}" if self._note else ""
            took = show_seconds(time.monotonic() - self._since)
            self._console.print(f"{self._label(cell)}: {escape(f'{self._stage} {took}{note}')}")
        self._shown.add(self._stage)
        self._stage = ""

    def paused(self, cell: Cell, note: str) -> None:
        """Show that a cell waits for its next round of timing."""
        self._end_stage(cell)
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None
        self._console.print(f"{self._label(cell)}: {escape(note)}")

    def finished(self, record: Record, *, reused: bool) -> None:
        """Show the result of a cell, whose record is stored."""
        if not reused:
            self._end_stage(record.cell)
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None
        line = f"{self._label(record.cell)}: {_summary(record, reused=reused)}"
        if self._console.is_terminal:
            self._console.print(f"{_MARKS.get(record.outcome, '[red]✗[/red]')} {line}")
        else:
            self._console.print(line, markup=False)

    def _label(self, cell: Cell) -> str:
        total = len(self._number)
        return escape(f"[{self._number[cell.key]}/{total}] {self._titles[cell.key]:{self._width}}")


def _summary(record: Record, *, reused: bool) -> str:
    if record.outcome != "ok":
        return escape(f"{record.outcome}: {short_reason(record.reason or '')}")
    shown = [f"{m.name} {m.value:.3f}" for m in _primary_metrics(record) if m.value is not None]
    when = "finished earlier" if reused else f"in {show_seconds(record.wall_s)}"
    return escape(f"{', '.join(shown)}   {when}")


def _primary_metrics(record: Record) -> list[Measurement]:
    """The first two metrics that are fractions: the accuracy."""
    return [m for m in record.measurements if m.unit == "fraction"][:2]
