"""One task: its cells side by side."""

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
    Missing,
    PageRecord,
    Row,
    Table,
    TaskView,
    Value,
    shown,
    with_whiskers,
    words,
)
from cvbench.report.seeds import SeedRow, table_rows
from cvbench.report.table import is_folded, primary_metrics, status, what_differs
from cvbench.units import show_count


def task_view(
    name: str, those: Sequence[PageRecord], *, picture_bytes: int, separate: bool = False
) -> TaskView:
    """The section of a task; each cell's pictures take at most `picture_bytes`.

    The table takes cells that differ only in their seed together, unless `separate`.
    """
    records = [told.record for told in those]
    names = primary_metrics(records)
    charts, missing = tradeoffs(those, names[0]) if names else ([], [])
    if not names:
        missing.append(Missing("accuracy", "no cell has a figure of this task's metrics"))
    shared, without = overlays(those)
    return TaskView(
        name=name,
        table=_comparison(those, names, name, separate=separate),
        tradeoffs=charts,
        charts=shared,
        tables=[table for metric in names[:1] for table in _per_class(those, metric)],
        cells=[cell_view(t, picture_bytes=picture_bytes) for t in those],
        missing=[*missing, *without],
    )


def _comparison(all_cells: Sequence[PageRecord], names: Sequence[str], task: str, *, separate: bool) -> Table:
    found = table_rows([told.record for told in all_cells], separate=separate)
    rows_of = [row for row, _ in found]
    those = [all_cells[place]._replace(record=row.record) for row, place in found]
    records = [told.record for told in those]
    columns: list[tuple[Column, list[Value]]] = []
    if len({told.source.name for told in those}) > 1:
        columns.append((Column("run", numeric=False), [Value(t.source.name) for t in those]))
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
        note = f"by {names[0]}; those that the 95 % intervals do not separate share a place"
        columns.append((Column("place", note), [_place(p) for p in places]))
    spread = "; of several seeds their mean, and the standard deviation below" if is_folded(rows_of) else ""
    for n, name in enumerate(names):
        note = f"value, and its 95 % interval below{spread}"
        figures = [r.measurement(name) for r in records]
        columns.append((Column(name, note), _figures(rows_of, figures, marked=n == 0)))
    latency = [r.measurement("latency_p50") for r in records]
    columns.append((Column("latency p50", "of one batch"), _figures(rows_of, latency, marked=True, log=True)))
    rates = [fastest(r) for r in records]
    shown_rates = [_rate(row, figure) for row, figure in zip(rows_of, rates, strict=True)]
    columns.append((Column("images/s", "at the batch that gives most"), shown_rates))
    columns.append(
        (Column("parameters"), [_count(r.artifact.parameters if r.artifact else None) for r in records])
    )
    columns.append(
        (
            Column("MACs", "multiply-accumulates of one image"),
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
        for n, t in enumerate(those)
    ]
    return Table(f"comparison, {task}", [column for column, _ in columns], rows)


def _figures(
    rows: Sequence[SeedRow], figures: Sequence[Measurement | None], *, marked: bool, log: bool = False
) -> list[Value]:
    values = [_spread(row, figure, shown(figure)) for row, figure in zip(rows, figures, strict=True)]
    return with_whiskers(values, figures, log=log) if marked else values


def _spread(row: SeedRow, figure: Measurement | None, value: Value) -> Value:
    """The value with the standard deviation over its seeds below, where there are several."""
    deviation = row.deviation(figure)
    if figure is None or deviation is None:
        return value
    return value._replace(note=f"± {words(deviation, figure.unit)} (n = {len(row.seeds)})")


def _place(place: int | None) -> Value:
    if place is None:
        return Value(NOTHING, why="no figure to be placed by")
    return Value(str(place), sort=place, kind="best" if place == 1 else "")


def _rate(row: SeedRow, figure: Measurement | None) -> Value:
    value = _spread(row, figure, shown(figure))
    at = figure.at.replace("batch=", "batch ") if figure else ""
    return value._replace(note=" · ".join(part for part in (value.note, at) if part))


def _count(count: int | None) -> Value:
    return Value(show_count(count), sort=count) if count else Value(NOTHING, why="not counted")


def _status(record: Record) -> Value:
    return Value(status(record), kind=str(record.outcome))


def _per_class(those: Sequence[PageRecord], name: str) -> list[tuple[str, Table]]:
    """A figure class by class: classes down, cells across, tinted by value."""
    figures = [(t, f) for t in those if (f := t.record.measurement(name)) is not None and f.parts]
    if not figures:
        return []
    classes = dict.fromkeys(part.name for _, figure in figures for part in figure.parts)
    parts = [{part.name: part for part in figure.parts} for _, figure in figures]
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
    columns = [Column(t.title) for t, _ in figures]
    return [(f"{name} of each class. The darker, the better.", Table(f"{name} of each class", columns, rows))]
