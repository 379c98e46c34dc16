"""One cell, with everything that is known of it."""

from __future__ import annotations

import shlex

from cvbench.record import Record
from cvbench.report.frame import Source
from cvbench.report.page.cell_charts import precision, timings, training
from cvbench.report.page.cell_tables import confusion, errors
from cvbench.report.page.charts import Chart
from cvbench.report.page.pictures import map_classes, pictures
from cvbench.report.page.views import (
    CellView,
    Column,
    Missing,
    PageRecord,
    Row,
    Stage,
    Table,
    Value,
    shown,
    words,
)
from cvbench.spec.cell import Runtime
from cvbench.units import show_seconds


def cell_view(told: PageRecord, *, picture_bytes: int) -> CellView:
    """The section of a cell; what it has no data for is told with the reason."""
    source, record = told.source, told.record
    charts: list[tuple[str, Chart]] = []
    tables: list[tuple[str, Table]] = []
    missing: list[Missing] = []
    for found, without in (timings(source, record), training(record), precision(source, record)):
        charts += found
        missing += without
    for counted, without in (confusion(source, record), errors(source, record)):
        tables += counted
        missing += without
    drawn, why = pictures(source, record, most_bytes=picture_bytes)
    if why:
        missing.append(Missing("pictures of the worst images", why))
    damaged = [Missing("what a damaged file holds", fault) for fault in source.damage(record)]
    return CellView(
        key=told.anchor,
        title=told.title,
        run=source.name,
        outcome=str(record.outcome),
        reason=record.reason or "",
        output=record.output or "",
        summary=_summary(record),
        command=command(source, record),
        facts=_facts(record),
        figures=_figures(record),
        notes=record.notes,
        cautions=record.cautions,
        ledger=_ledger(record),
        charts=charts,
        tables=tables,
        pictures=drawn,
        picture_classes=map_classes(source, record) if drawn else (),
        missing=[*(missing if record.outcome == "ok" else ()), *damaged],
    )


def command(source: Source, record: Record) -> str:
    """What carries out this cell again, and nothing else."""
    info = source.info
    limit = ["--limit", str(info.limit)] if info.limit else []
    suite = info.source or "SUITE.yaml"
    return shlex.join(["cvbench", "run", suite, *info.overrides, "--only", record.key, *limit, "--fresh"])


def _way(runtime: Runtime) -> str:
    """Who runs the net, and how."""
    words: list[str] = [runtime.engine or "eager"]
    if runtime.compile:
        words = ["compiled" if runtime.compile is True else f"compiled, {runtime.compile}"]
    return ", ".join([*words, *(["CUDA graphs"] if runtime.cuda_graphs else [])])


def _summary(record: Record) -> str:
    shares = [m for m in record.measurements if m.unit == "fraction" and m.value is not None][:1]
    latency = record.measurement("latency_p50")
    parts = [f"{m.name} {m.value:.3f}" for m in shares]
    if latency is not None and latency.value is not None:
        parts.append(show_seconds(latency.value))
    return " · ".join(parts) or (record.reason or "").partition("\n")[0]


def _facts(record: Record) -> list[tuple[str, str]]:
    cell, artifact = record.cell, record.artifact
    runtime = cell.runtime
    facts = [
        ("key", record.key),
        ("options", ", ".join(f"{k}={_plain(v)}" for k, v in cell.model.options.items()) or "defaults"),
        (
            "runtime",
            ", ".join(
                (
                    runtime.precision,
                    runtime.layout,
                    _way(runtime),
                    f"device {runtime.device}",
                )
            ),
        ),
        ("seed", str(cell.seed)),
        ("training", _recipe(record)),
        ("took", f"{show_seconds(record.wall_s)}, begun {record.started:%Y-%m-%d %H:%M} UTC"),
    ]
    if artifact is not None:
        size = " × ".join(map(str, artifact.input))
        prepared = ", ".join(f"{k} {_plain(v)}" for k, v in artifact.preprocessing.items() if v is not None)
        facts += [
            ("weights", f"{artifact.source}, SHA-256 {artifact.sha256[:16]}…"),
            ("input", f"{size}; {prepared}"),
        ]
    for split, passport in record.passports.items():
        objects = f", {passport.objects:,} objects" if passport.objects is not None else ""
        facts.append(
            (
                f"data, {split}",
                f"{passport.name}: {passport.images:,} images{objects}, SHA-256 {passport.sha256[:16]}…",
            )
        )
    if record.skipped_samples:
        facts.append(("left out", f"{len(record.skipped_samples)} samples that could not be decoded"))
    return facts


def _plain(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_plain, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _recipe(record: Record) -> str:
    train = record.cell.train
    if train is None:
        return "none"
    part = f" on {train.limit:,} images" if train.limit else ""
    return (
        f"{train.epochs} epochs{part}, batch {train.batch}, {train.optimizer}, rate {train.lr:g}, "
        f"{train.schedule}, decay {train.weight_decay:g}, {train.precision}"
    )


def _figures(record: Record) -> Table:
    columns = [
        Column("at", numeric=False),
        Column("value"),
        Column("95 % interval"),
        Column("n"),
        Column("protocol", numeric=False),
    ]
    rows = []
    for figure in record.measurements:
        value = shown(figure)
        interval = " … ".join(words(end, figure.unit) for end in figure.interval) if figure.interval else ""
        n = f"{figure.n:,}" if figure.n is not None else ""
        text = value.text if figure.value is not None else f"missing: {figure.missing}"
        if figure.unit not in ("fraction", "s", "bytes") and figure.value is not None:
            text = f"{text} {figure.unit}"
        rows.append(
            Row(
                "",
                figure.name,
                "",
                [Value(figure.at), Value(text), Value(interval), Value(n), Value(figure.protocol)],
            )
        )
    return Table(f"all figures of {record.cell.title}", columns, rows)


def _ledger(record: Record) -> list[Stage]:
    """Where the cell's time went; what no stage was charged with is `other`."""
    other = max(record.wall_s - sum(record.spent.values()), 0.0)
    spent = {**record.spent, "other": other}
    total = sum(spent.values())
    stages, start = [], 0.0
    for name, seconds in spent.items():
        share = seconds / total if total else 0.0
        if share > 0:
            stages.append(
                Stage(
                    name,
                    f"{show_seconds(seconds)}, {share:.0%}",
                    round(100 * share, 2),
                    round(100 * start, 2),
                )
            )
        start += share
    return stages
