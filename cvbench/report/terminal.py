"""Tables and records in the terminal: drawn for a person, plain lines for a file."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cvbench.errors import printable
from cvbench.record import Record
from cvbench.report.seeds import NOTE
from cvbench.report.table import SEEDS, tables
from cvbench.units import show_count, show_seconds, show_value


def print_tables(records: Sequence[Record], console: Console, *, separate: bool = False) -> None:
    """One table per task, seeds folded unless `separate`; into a pipe without control codes or boxes."""
    for task, table in tables(records, separate=separate).items():
        print_table(table, console, title=task)
        if SEEDS in table.columns:
            console.print(f"{NOTE}.", markup=False)


def print_table(table: pd.DataFrame, console: Console, *, title: str) -> None:
    """A table whose cells are text."""
    if not console.is_terminal:
        console.file.write(f"\n{title}\n{table.map(printable).to_string(index=False)}\n")
        return
    drawn = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for name in table.columns:
        left = name in ("model", "data", "status")
        drawn.add_column(escape(name), justify="left" if left else "right", overflow="fold")
    for row in table.itertuples(index=False):
        drawn.add_row(*map(_plain, row))
    console.print(drawn)


def _plain(text: str) -> str:
    """A name as rich prints it: neither markup nor control characters."""
    return escape(printable(text))


def print_record(record: Record, console: Console) -> None:
    """Everything of one record that a person may want to see."""
    console.print(f"[bold]{_plain(record.cell.title)}[/bold]  {record.key}  {record.outcome}")
    if record.reason:
        console.print(f"  reason: {escape(printable(record.reason, lines=True))}")
    if record.artifact:
        a = record.artifact
        console.print(
            f"  artifact: {a.source}, {show_count(a.parameters)} parameters, "
            f"{show_count(a.macs) if a.macs else 'uncounted'} MACs, weights {a.sha256[:12]}"
        )
    for split, passport in record.passports.items():
        console.print(
            f"  {_plain(split)}: {_plain(passport.name)}, {passport.images} images, {passport.sha256[:12]}"
        )
        if passport.drawn:
            console.print(f"    drawn: {_plain(passport.drawn)}")
    other = record.wall_s - sum(record.spent.values())
    stages = ", ".join(f"{_plain(name)} {show_seconds(s)}" for name, s in record.spent.items())
    console.print(f"  time: {show_seconds(record.wall_s)} = {stages}, other {show_seconds(max(0.0, other))}")
    figures = Table(box=SIMPLE_HEAD)
    for name in ("figure", "value", "95 % interval", "n", "protocol"):
        figures.add_column(name)
    for m in record.measurements:
        figures.add_row(
            _plain(f"{m.name} {m.at}".strip()),
            _plain(show_value(m.value, m.unit) if m.value is not None else f"missing: {m.missing}"),
            _plain(f"{show_value(m.interval[0], m.unit)} … {show_value(m.interval[1], m.unit)}")
            if m.interval
            else "",
            str(m.n or ""),
            _plain(m.protocol),
        )
    console.print(figures)
    for note in record.notes:
        console.print(f"  note: {escape(note)}")
    for caution in record.cautions:
        console.print(f"  caution: {_plain(caution)}")
    if record.output:
        console.print(f"  what it printed last:\n{escape(printable(record.output, lines=True))}")
