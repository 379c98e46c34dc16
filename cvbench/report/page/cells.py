"""The section of one cell, with everything its record and attachments hold."""

from __future__ import annotations

import shlex

from cvbench.record import Record
from cvbench.report.frame import Source
from cvbench.report.page.cell_charts import precision, timings, training
from cvbench.report.page.cell_tables import confusion, errors
from cvbench.report.page.pictures import map_classes, pictures
from cvbench.report.page.views import (
    CellView,
    Column,
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


def cell_view(cell: PageRecord, *, picture_bytes: int) -> CellView:
    """The section of a cell; charts, tables and pictures without data are left out."""
    source, record = cell.source, cell.record
    charts = [*timings(source, record), *training(record), *precision(source, record)]
    tables = [*confusion(source, record), *errors(source, record)]
    drawn = pictures(source, record, most_bytes=picture_bytes)
    return CellView(
        key=cell.anchor,
        title=cell.title,
        run=source.name,
        outcome=str(record.outcome),
        reason=record.reason or "",
        output=record.output or "",
        summary=_summary(record),
        command=command(source, record),
        facts=_facts(record),
        measurements=_measurements(record),
        notes=record.notes,
        warnings=record.cautions,
        ledger=_ledger(record),
        charts=charts,
        tables=tables,
        pictures=drawn,
        picture_classes=map_classes(source, record) if drawn else (),
        damage=source.damage(record),
    )


def command(source: Source, record: Record) -> str:
    """The command that runs only this cell again."""
    info = source.info
    limit = ["--limit", str(info.limit)] if info.limit else []
    suite = info.source or "SUITE.yaml"
    return shlex.join(["cvbench", "run", suite, *info.overrides, "--only", record.key, *limit, "--fresh"])


def _way(runtime: Runtime) -> str:
    """The engine and how it runs the model."""
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
        ("duration", f"{show_seconds(record.wall_s)}, started {record.started:%Y-%m-%d %H:%M} UTC"),
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
        facts.append(("skipped", f"{len(record.skipped_samples)} corrupt images"))
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
        f"{train.epochs} epochs{part}, batch {train.batch}, {train.optimizer}, learning rate {train.lr:g}, "
        f"{train.schedule} schedule, weight decay {train.weight_decay:g}, {train.precision}"
    )


def _measurements(record: Record) -> Table:
    columns = [
        Column("at", numeric=False),
        Column("value"),
        Column("95 % interval"),
        Column("n"),
        Column("protocol", numeric=False),
    ]
    rows = []
    for measured in record.measurements:
        value = shown(measured)
        ends = " … ".join(words(end, measured.unit) for end in measured.interval or ())
        interval = ends or measured.interval_missing or ""
        n = f"{measured.n:,}" if measured.n is not None else ""
        text = value.text if measured.value is not None else f"missing: {measured.missing}"
        if measured.unit not in ("fraction", "s", "bytes") and measured.value is not None:
            text = f"{text} {measured.unit}"
        rows.append(
            Row(
                "",
                measured.name,
                "",
                [Value(measured.at), Value(text), Value(interval), Value(n), Value(measured.protocol)],
            )
        )
    return Table(f"all measurements of {record.cell.title}", columns, rows)


def _ledger(record: Record) -> list[Stage]:
    """The cell's time by stage; `other` is the rest."""
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
