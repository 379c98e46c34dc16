"""Result tables, warnings and records in the terminal: fitted to its width, plain lines in a file or pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from cvbench.errors import printable
from cvbench.record import Measurement, Record
from cvbench.report.seeds import NOTE
from cvbench.report.table import SEEDS, primary_metrics, tables
from cvbench.report.text_table import print_table, print_text
from cvbench.units import show_count, show_seconds, show_value

_TEXT = ("model", "data", "status")
"""Columns that are aligned to the left."""
_NAMED = 3
"""A message of more cells than this has their count instead of their names."""


def print_tables(records: Sequence[Record], console: Console, *, separate: bool = False) -> None:
    """Print one table per task, seeds folded unless `separate`; a terminal has the remarks below it."""
    shares = primary_metrics(records)
    for task, table in tables(records, separate=separate).items():
        rows = [{str(name): str(text) for name, text in row.items()} for row in table.to_dict("records")]
        if console.is_terminal:
            remarks = [
                (row["model"], row["status"].removeprefix("ok; ")) for row in rows if row["status"] != "ok"
            ]
            rows = [{**row, "status": row["status"].partition(";")[0].partition(":")[0]} for row in rows]
        else:
            remarks = []
        axes = list(table.columns)
        first = next((n for n, name in enumerate(axes) if name in (*shares, "latency p50")), 1)
        print_table(
            rows,
            console=console,
            title=task,
            keep=(*axes[: first + 1], "status", "latency p50"),
            right=[name for name in axes if name not in _TEXT],
        )
        for line in _grouped(remarks):
            print_text(line, console=console)
        if SEEDS in table.columns:
            print_text(f"{NOTE}.", console=console)


def print_warnings(records: Sequence[Record], console: Console) -> None:
    """Print the warnings of all records, each once, with the cells that have it."""
    found = [(record.cell.title, caution) for record in records for caution in record.cautions]
    if not found:
        return
    console.print()
    for line in _grouped(found):
        print_text(f"warning: {line}", console=console)


def _grouped(found: Sequence[tuple[str, str]]) -> Iterator[str]:
    """`cell: message`, where several cells share a message with all their names or their number."""
    cells: dict[str, list[str]] = {}
    for cell, message in found:
        cells.setdefault(message, []).append(cell)
    for message, own in cells.items():
        yield f"{', '.join(own) if len(own) <= _NAMED else f'{len(own)} cells'}: {message}"


def print_record(record: Record, console: Console) -> None:
    """Print the details of one record: artifact, data, times, every metric, protocols and notes."""
    console.print(f"[bold]{escape(printable(record.cell.title))}[/bold]  {record.key}  {record.outcome}")
    for line in _facts(record):
        print_text(line, indent="  ", console=console)
    print_table(
        [_row(m) for m in record.measurements if m.value is not None],
        console=console,
        keep=("metric", "value", "95 % interval"),
        right=("value", "n"),
    )
    for line in (*_missing(record.measurements), *_protocols(record.measurements)):
        print_text(line, indent="  ", console=console)
    for note in record.notes:
        print_text(f"note: {note}", indent="  ", console=console)
    if record.output:
        console.print(f"  last lines of its output:\n{escape(printable(record.output, lines=True))}")


def _facts(record: Record) -> Iterator[str]:
    if record.reason:
        yield from record.reason.splitlines()
    if record.artifact:
        a = record.artifact
        yield (
            f"artifact: {a.source}, {show_count(a.parameters)} parameters, "
            f"{show_count(a.macs) if a.macs else 'uncounted'} MACs, weights {a.sha256[:12]}"
        )
    for split, data in record.passports.items():
        drawn = f", drawn: {data.drawn}" if data.drawn else ""
        yield f"{split}: {data.name}, {data.images} images, {data.sha256[:12]}{drawn}"
    other = record.wall_s - sum(record.spent.values())
    stages = ", ".join(f"{name} {show_seconds(s)}" for name, s in record.spent.items())
    yield f"time: {show_seconds(record.wall_s)} = {stages}, other {show_seconds(max(0.0, other))}"


def _row(m: Measurement) -> dict[str, str]:
    assert m.value is not None
    ends = m.interval_missing or ""
    if m.interval is not None:
        of_own = m.unit in ("s", "bytes", "fraction")  # their unit depends on the value
        low = show_value(m.interval[0], m.unit) if of_own else show_count(m.interval[0])
        ends = f"{low} … {show_value(m.interval[1], m.unit)}"
    return {
        "metric": _name(m),
        "value": show_value(m.value, m.unit),
        "95 % interval": ends,
        "n": str(m.n or ""),
    }


def _missing(measurements: Sequence[Measurement]) -> Iterator[str]:
    """`latency_p90 batch=1: missing: too few iterations`."""
    for m in measurements:
        if m.value is None:
            yield f"{_name(m)}: missing: {m.missing}"


def _protocols(measurements: Sequence[Measurement]) -> Iterator[str]:
    """Each protocol on one line, after the metrics that follow it."""
    names: dict[str, list[str]] = {}
    for m in measurements:
        if m.value is not None:
            names.setdefault(m.protocol, []).append(m.name)
    if names:
        yield "protocols:"
    for protocol, own in names.items():
        yield f"  {', '.join(dict.fromkeys(own))}: {protocol}"


def _name(m: Measurement) -> str:
    return f"{m.name} {m.at}".strip()
