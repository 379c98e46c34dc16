"""The section of one task: its cells compared."""

from __future__ import annotations

from collections.abc import Sequence

from cvbench.compare.seeds import is_untrained, titles
from cvbench.record import Measurement, Record
from cvbench.report.page.cells import cell_view
from cvbench.report.page.overlays import overlays
from cvbench.report.page.tradeoffs import fastest, peak, rank_of, tradeoffs
from cvbench.report.page.views import (
    NOTHING,
    Column,
    PageRecord,
    Row,
    Table,
    TaskView,
    Value,
    shown,
    with_whiskers,
    words,
)
from cvbench.report.page.winners import winners
from cvbench.report.seeds import SeedRow, table_rows
from cvbench.report.table import is_folded, primary_metrics, status, what_differs
from cvbench.units import show_count


def task_view(
    name: str, cells: Sequence[PageRecord], *, picture_bytes: int, separate: bool = False
) -> TaskView:
    """The section of a task; each cell's pictures take at most `picture_bytes`.

    Cells that differ only in their seed are one row of the table, unless `separate`.
    """
    names = primary_metrics([one.record for one in cells])
    return TaskView(
        name=name,
        winners=winners(cells, names[0], separate=separate) if names else (),
        table=_comparison(cells, names, name, separate=separate),
        tradeoffs=tradeoffs(cells, names[0]) if names else (),
        charts=overlays(cells),
        tables=[table for metric in names[:1] for table in _per_class(cells, metric)],
        cells=[cell_view(one, picture_bytes=picture_bytes) for one in cells],
    )


def _comparison(all_cells: Sequence[PageRecord], names: Sequence[str], task: str, *, separate: bool) -> Table:
    found = table_rows([one.record for one in all_cells], separate=separate)
    rows_of = [row for row, _ in found]
    cells = [all_cells[place]._replace(record=row.record) for row, place in found]
    records = [one.record for one in cells]
    columns: list[tuple[Column, list[Value]]] = []
    if len({one.source.name for one in cells}) > 1:
        columns.append((Column("run", numeric=False), [Value(one.source.name) for one in cells]))
    if len({r.cell.data.name for r in records}) > 1:
        columns.append((Column("data", numeric=False), [Value(r.cell.data.name) for r in records]))
    differing = [what_differs(row, rows_of) for row in rows_of]
    columns += [
        (Column(axis, numeric=False), [Value(d[axis]) for d in differing])
        for axis in differing[0]
        if differing
    ]
    if names:
        places = rank_of([None if is_untrained(r) else r.measurement(names[0]) for r in records])
        note = f"by {names[0]}; cells whose 95 % intervals overlap share a rank"
        columns.append((Column("rank", note), [_rank(p) for p in places]))
    spread = "; for several seeds the mean, with the standard deviation below" if is_folded(rows_of) else ""
    for n, name in enumerate(names):
        note = f"value, with its 95 % interval below{spread}"
        measured = [r.measurement(name) for r in records]
        columns.append((Column(name, note), _values(rows_of, measured, marked=n == 0)))
    latency = [r.measurement("latency_p50") for r in records]
    columns.append((Column("latency p50", "per batch"), _values(rows_of, latency, marked=True, log=True)))
    rates = [fastest(r) for r in records]
    shown_rates = [_rate(row, rate) for row, rate in zip(rows_of, rates, strict=True)]
    columns.append((Column("images/s", "at the best batch size"), shown_rates))
    columns.append(
        (Column("parameters"), [_count(r.artifact.parameters if r.artifact else None) for r in records])
    )
    columns.append(
        (
            Column("MACs", "multiply-accumulates per image"),
            [_count(r.artifact.macs if r.artifact else None) for r in records],
        )
    )
    columns.append((Column("peak memory"), [shown(peak(r)) for r in records]))
    columns.append((Column("status", numeric=False), [_status(r) for r in records]))
    named = titles(records)
    rows = [
        Row(
            key=t.anchor,
            title=t.record.cell.model.name,
            href=f"#cell-{t.anchor}",
            values=[values[n] for _, values in columns],
            outcome=str(t.record.outcome),
            note=named[n].removeprefix(t.record.cell.model.name).strip(),
        )
        for n, t in enumerate(cells)
    ]
    return Table(f"comparison, {task}", [column for column, _ in columns], rows)


def _values(
    rows: Sequence[SeedRow], measured: Sequence[Measurement | None], *, marked: bool, log: bool = False
) -> list[Value]:
    values = [_spread(row, one, shown(one)) for row, one in zip(rows, measured, strict=True)]
    return with_whiskers(values, measured, log=log) if marked else values


def _spread(row: SeedRow, measured: Measurement | None, value: Value) -> Value:
    """The value with the standard deviation over its seeds below, where there are several."""
    deviation = row.deviation(measured)
    if measured is None or deviation is None:
        return value
    return value._replace(note=f"± {words(deviation, measured.unit)} (n = {len(row.seeds)})")


def _rank(rank: int | None) -> Value:
    if rank is None:
        return Value(NOTHING, why="no value to rank by")
    return Value(str(rank), sort=rank, kind="best" if rank == 1 else "")


def _rate(row: SeedRow, measured: Measurement | None) -> Value:
    value = _spread(row, measured, shown(measured))
    at = measured.at.replace("batch=", "batch ") if measured else ""
    return value._replace(note=" · ".join(part for part in (value.note, at) if part))


def _count(count: int | None) -> Value:
    return Value(show_count(count), sort=count) if count else Value(NOTHING, why="not counted")


def _status(record: Record) -> Value:
    return Value(status(record), kind=str(record.outcome))


def _per_class(cells: Sequence[PageRecord], name: str) -> list[tuple[str, Table]]:
    """The metric per class: one row per class, one column per cell, tinted by value."""
    found = [(one, m) for one in cells if (m := one.record.measurement(name)) is not None and m.parts]
    if not found:
        return []
    classes = dict.fromkeys(part.name for _, measured in found for part in measured.parts)
    parts = [{part.name: part for part in measured.parts} for _, measured in found]
    rows = []
    for name_of_class in classes:
        values = []
        for of_cell in parts:
            part = of_cell.get(name_of_class)
            if part is None or part.value is None:
                values.append(Value(NOTHING, why=part.missing or "" if part else "no such class"))
            else:
                values.append(
                    Value(f"{part.value:.3f}", sort=part.value, share=part.value, why=f"n = {part.n}")
                )
        rows.append(Row("", name_of_class, "", values))
    columns = [Column(one.title) for one, _ in found]
    return [(f"{name} per class (darker is higher).", Table(f"{name} per class", columns, rows))]
