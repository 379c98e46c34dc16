"""The comparison table a person reads: one a task, figures with their uncertainty, nothing hidden."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cvbench.record import MEANS_LITTLE, Measurement, Record
from cvbench.report.frame import task_of
from cvbench.spec.catalogue import METRICS
from cvbench.spec.cell import Runtime
from cvbench.units import show_bytes, show_count, show_seconds

NOTHING = "-"
_PRIMARY_SERIES = ("latency@", "throughput@")
"""Series whose figures stand in the table."""


def tables(records: Sequence[Record]) -> dict[str, pd.DataFrame]:
    """A table for each task that occurs, in order of first occurrence; every cell is text."""
    tasks = dict.fromkeys(task_of(record) for record in records)
    return {task: _table([r for r in records if task_of(r) == task]) for task in tasks}


def _table(records: Sequence[Record]) -> pd.DataFrame:
    shares = primary_metrics(records)
    conditions = dict.fromkeys(
        m.at for r in records for m in r.measurements if m.name == "throughput" and m.value is not None
    )
    rows = []
    for record in records:
        row = {"model": record.cell.title}
        if len({r.cell.data.name for r in records}) > 1:
            row["data"] = record.cell.data.name
        row |= what_differs(record, records)
        row |= {name: _share(record.measurement(name)) for name in shares}
        row["latency p50"] = _duration(record.measurement("latency_p50"))
        for at in conditions:
            row[f"images/s ({at})"] = _rate(record.measurement("throughput", at))
        artifact = record.artifact
        row["parameters"] = show_count(artifact.parameters) if artifact else NOTHING
        row["MACs"] = show_count(artifact.macs) if artifact and artifact.macs else NOTHING
        row["peak memory"] = _peak(record)
        row["status"] = status(record)
        rows.append(row)
    return pd.DataFrame(rows)


def primary_metrics(records: Sequence[Record]) -> list[str]:
    """The first figures of every metric that was computed: two of each, as far as it has them."""
    measured = {m.name for record in records for m in record.measurements}
    names = [name for card in METRICS.values() for name in card.figures[:2] if name in measured]
    return list(dict.fromkeys(names))


def what_differs(record: Record, records: Sequence[Record]) -> dict[str, str]:
    """Columns for the runtime axes and the seed, where the rows differ in them."""
    axes = {axis: [run_in(r.cell.runtime)[axis] for r in records] for axis in run_in(record.cell.runtime)}
    own = run_in(record.cell.runtime)
    row = {axis: str(own[axis]) for axis, values in axes.items() if len(set(values)) > 1}
    if len({r.cell.seed for r in records}) > 1:
        row["seed"] = str(record.cell.seed)
    return row


def run_in(runtime: Runtime) -> dict[str, str | bool]:
    """The ways to run a net that rows of a table may differ in."""
    return {
        "precision": runtime.precision,
        "layout": runtime.layout,
        "compile": runtime.compile,
        "engine": runtime.engine or "torch",
        "cuda graphs": bool(runtime.cuda_graphs),
    }


def _share(figure: Measurement | None) -> str:
    if figure is None or figure.value is None:
        return NOTHING
    if figure.interval is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} [{figure.interval[0]:.3f}, {figure.interval[1]:.3f}]"


def _duration(figure: Measurement | None) -> str:
    if figure is None or figure.value is None:
        return NOTHING
    return show_seconds(figure.value) + _half_width(figure)


def _rate(figure: Measurement | None) -> str:
    if figure is None or figure.value is None:
        return NOTHING
    return show_count(figure.value) + _half_width(figure)


def _half_width(figure: Measurement) -> str:
    """Half the 95 % interval, relative to the figure."""
    if figure.interval is None or not figure.value:
        return ""
    return f" ±{(figure.interval[1] - figure.interval[0]) / 2 / figure.value:.1%}"


def _peak(record: Record) -> str:
    peaks = [m.value for m in record.measurements if m.name == "peak_memory" and m.value is not None]
    return show_bytes(max(peaks)) if peaks else NOTHING


def status(record: Record) -> str:
    """The outcome with the first line of its reason, and what keeps the figures from being whole."""
    words = [f"{record.outcome}: {record.reason.splitlines()[0]}" if record.reason else str(record.outcome)]
    if record.cell.data.limit is not None:
        words.append(_part(record, record.cell.data.limit))
    if record.skipped_samples:
        words.append(f"{len(record.skipped_samples)} samples skipped")
    if record.shadowed_objects:
        words.append(f"{record.shadowed_objects:,} objects shadowed in training")
    if _was_disturbed(record):
        words.append("timings disturbed")
    return "; ".join(words)


def _part(record: Record, limit: int) -> str:
    """How many images were scored; records from before images were drawn say that they are the first."""
    passport = record.passports.get(record.cell.data.split)
    drawn = passport is not None and passport.drawn is not None
    return f"{limit} images only, drawn evenly" if drawn else f"first {limit} images only"


def _was_disturbed(record: Record) -> bool:
    """Whether most slices of a series in the table were, in most of the processes that timed it."""
    timings = [one.cautions for one in record.rounds] or [record.cautions]
    disturbed = sum(
        any(said.startswith(_PRIMARY_SERIES) and said.endswith(MEANS_LITTLE) for said in cautions)
        for cautions in timings
    )
    return 2 * disturbed > len(timings)
