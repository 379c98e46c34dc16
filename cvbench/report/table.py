"""The results table: one per task, each metric with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cvbench.compare.seeds import titles
from cvbench.record import MEANS_LITTLE, Measurement, Record
from cvbench.report.frame import task_of
from cvbench.report.seeds import SeedRow, table_rows
from cvbench.report.skips import short_reason
from cvbench.spec.catalogue import METRICS
from cvbench.spec.cell import Runtime
from cvbench.units import show_bytes, show_count, show_seconds

NOTHING = "-"
SEEDS = "seeds"
"""The column of a table with folded seeds."""
_PRIMARY_SERIES = ("latency@", "throughput@")
"""Series that the table shows."""


def tables(records: Sequence[Record], *, separate: bool = False) -> dict[str, pd.DataFrame]:
    """Task → table, in order of first occurrence; every value is text.

    Cells that differ only in their seed are one row, with mean and standard deviation, unless `separate`.
    """
    tasks = dict.fromkeys(task_of(record) for record in records)
    return {task: _table([r for r in records if task_of(r) == task], separate=separate) for task in tasks}


def _table(records: Sequence[Record], *, separate: bool) -> pd.DataFrame:
    shares = primary_metrics(records)
    conditions = dict.fromkeys(
        m.at for r in records for m in r.measurements if m.name == "throughput" and m.value is not None
    )
    rows = []
    folded = [row for row, _ in table_rows(records, separate=separate)]
    columns = ("data", "seed", *run_in(folded[0].record.cell.runtime)) if folded else ()
    names = titles([own.record for own in folded], shown=columns)
    for own, name in zip(folded, names, strict=True):
        record = own.record
        row = {"model": name}
        if len({r.cell.data.name for r in records}) > 1:
            row["data"] = record.cell.data.name
        row |= what_differs(own, folded)
        row |= {name: _share(own, record.measurement(name)) for name in shares}
        row["latency p50"] = _duration(own, record.measurement("latency_p50"))
        for at in conditions:
            row[f"images/s ({at})"] = _rate(own, record.measurement("throughput", at))
        artifact = record.artifact
        row["parameters"] = show_count(artifact.parameters) if artifact else NOTHING
        row["MACs"] = show_count(artifact.macs) if artifact and artifact.macs else NOTHING
        row["peak memory"] = _peak(record)
        row["status"] = status(record)
        rows.append(row)
    return pd.DataFrame(rows)


def primary_metrics(records: Sequence[Record]) -> list[str]:
    """The first two values of every computed metric."""
    measured = {m.name for record in records for m in record.measurements}
    names = [name for card in METRICS.values() for name in card.figures[:2] if name in measured]
    return list(dict.fromkeys(names))


def what_differs(row: SeedRow, rows: Sequence[SeedRow]) -> dict[str, str]:
    """Columns for runtime axes and seeds in which the rows differ."""
    own = run_in(row.record.cell.runtime)
    axes = {axis: [run_in(one.record.cell.runtime)[axis] for one in rows] for axis in own}
    found = {axis: str(own[axis]) for axis, values in axes.items() if len(set(values)) > 1}
    if is_folded(rows):
        found[SEEDS] = row.told_seeds
    elif len({one.seeds for one in rows}) > 1:
        found["seed"] = row.told_seeds
    return found


def is_folded(rows: Sequence[SeedRow]) -> bool:
    """Whether a row covers several seeds."""
    return any(len(row.seeds) > 1 for row in rows)


def run_in(runtime: Runtime) -> dict[str, str | bool]:
    """The runtime settings in which rows of a table may differ."""
    return {
        "precision": runtime.precision,
        "layout": runtime.layout,
        "compile": runtime.compile,
        "engine": runtime.engine or "torch",
        "cuda graphs": bool(runtime.cuda_graphs),
    }


def _share(row: SeedRow, figure: Measurement | None) -> str:
    if figure is None or figure.value is None:
        return NOTHING
    if (deviation := row.deviation(figure)) is not None:
        return f"{figure.value:.3f} ± {deviation:.3f}"
    if figure.interval is None:
        return f"{figure.value:.3f}" + (f" [{figure.interval_missing}]" if figure.interval_missing else "")
    return f"{figure.value:.3f} [{figure.interval[0]:.3f}, {figure.interval[1]:.3f}]"


def _duration(row: SeedRow, figure: Measurement | None) -> str:
    if figure is None or figure.value is None:
        return NOTHING
    if (deviation := row.deviation(figure)) is not None:
        return f"{show_seconds(figure.value)} ± {show_seconds(deviation)}"
    return show_seconds(figure.value) + _half_width(figure)


def _rate(row: SeedRow, figure: Measurement | None) -> str:
    if figure is None or figure.value is None:
        return NOTHING
    if (deviation := row.deviation(figure)) is not None:
        return f"{show_count(figure.value)} ± {show_count(deviation)}"
    return show_count(figure.value) + _half_width(figure)


def _half_width(figure: Measurement) -> str:
    """Half the 95 % interval, relative to the value."""
    if figure.interval is None or not figure.value:
        return ""
    return f" ±{(figure.interval[1] - figure.interval[0]) / 2 / figure.value:.1%}"


def _peak(record: Record) -> str:
    peaks = [m.value for m in record.measurements if m.name == "peak_memory" and m.value is not None]
    return show_bytes(max(peaks)) if peaks else NOTHING


def status(record: Record) -> str:
    """The outcome with the first line of its reason, and every restriction of the metrics."""
    words = [str(record.outcome)]
    if record.reason:
        words = [f"{record.outcome}: {short_reason(record.reason).splitlines()[0]}"]
    if record.cell.data.limit is not None:
        words.append(_part(record, record.cell.data.limit))
    if record.skipped_samples:
        words.append(f"{len(record.skipped_samples)} samples skipped")
    if record.shadowed_objects:
        words.append(f"{record.shadowed_objects:,} objects share a grid cell (not learned)")
    words += [note.partition(":")[0] for note in record.notes]
    if _was_disturbed(record):
        words.append("timings disturbed")
    return "; ".join(words)


def _part(record: Record, limit: int) -> str:
    """How many images were scored; older records use the first ones."""
    passport = record.passports.get(record.cell.data.split)
    drawn = passport is not None and passport.drawn is not None
    return f"{limit} images only, drawn evenly" if drawn else f"first {limit} images only"


_UNRELIABLE = (MEANS_LITTLE, "of this machine mean little")
"""Endings of the warning about a disturbed series, today and in older records."""


def _was_disturbed(record: Record) -> bool:
    """Whether most slices of a shown series were disturbed, in most of its processes."""
    timings = [one.cautions for one in record.rounds] or [record.cautions]
    disturbed = sum(
        any(said.startswith(_PRIMARY_SERIES) and said.endswith(_UNRELIABLE) for said in cautions)
        for cautions in timings
    )
    return 2 * disturbed > len(timings)
