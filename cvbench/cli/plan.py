"""`cvbench plan`: the cells that a suite would run, and why any would be skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import typer

from cvbench.cli.output import (
    RESULTS,
    AsJson,
    Limit,
    Only,
    OutFolder,
    Overrides,
    SuiteFile,
    chosen_cells,
    print_json,
    print_table,
)
from cvbench.errors import StoreError
from cvbench.record import Record, Scalar
from cvbench.runner.environment import has_gpu, probe
from cvbench.spec.catalogue import known_task, shown_metric
from cvbench.spec.cell import Cell
from cvbench.store import Run, Store
from cvbench.units import show_seconds

if TYPE_CHECKING:
    from cvbench.spec.suite import Planned


class Forecast(NamedTuple):
    """How long one cell will take; nothing where no record tells."""

    wall_s: float | None
    by: str
    """What it is told from."""


def forecast(cell: Cell, records: Iterable[Record], machine: Mapping[str, Scalar]) -> Forecast:
    """From the same cell, else from its model with as much training and timing, else with training to scale.

    Only records that are ok and of a machine with this processor and GPU count.
    """
    ours = [record for record in records if record.outcome == "ok" and _is_here(record, machine)]
    same = [record for record in ours if record.key == cell.key]
    if same:
        return Forecast(median(record.wall_s for record in same), "this cell before")
    alike = [record for record in ours if _is_alike(record.cell, cell)]
    if not alike:
        return Forecast(None, "never run here")
    return Forecast(median(_scaled(record, cell) for record in alike), "this model with other settings")


def total(forecasts: Sequence[Forecast]) -> tuple[float, int]:
    """Seconds of all that is known, and how many are not."""
    known = [one.wall_s for one in forecasts if one.wall_s is not None]
    return sum(known), len(forecasts) - len(known)


def _is_here(record: Record, machine: Mapping[str, Scalar]) -> bool:
    hard = record.environment.hard
    return all(hard.get(part) == machine.get(part) for part in ("cpu", "gpu", "cpu_threads"))


def _is_alike(one: Cell, other: Cell) -> bool:
    return (one.model.name, one.data.name, one.train is None) == (
        other.model.name,
        other.data.name,
        other.train is None,
    )


def _scaled(record: Record, cell: Cell) -> float:
    """The record's seconds, with those of training and timing brought to the cell's size."""
    spent, before = record.spent, record.cell
    wall_s = record.wall_s
    if before.train and cell.train and record.artifact and record.artifact.source == "trained":
        wall_s += spent.get("train", 0.0) * (cell.train.epochs / before.train.epochs - 1)
    rounds_before, rounds = (_rounds(one) for one in (before, cell))
    if rounds_before and rounds:
        per_round = sum(spent.get(stage, 0.0) for stage in ("time", "import")) / rounds_before
        wall_s += per_round * (rounds - rounds_before)
    return wall_s


def _rounds(cell: Cell) -> int:
    return (cell.time.rounds or 1) if cell.time else 0


def plan(
    suite: SuiteFile,
    overrides: Overrides = None,
    only: Only = None,
    limit: Limit = None,
    out: OutFolder = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Show what `cvbench run SUITE` would do here, without doing it."""
    from cvbench.spec.suite import plan as planned_cells

    wanted = chosen_cells(suite, overrides, only=only, limit=limit)
    planned = planned_cells(wanted, has_gpu=has_gpu())
    forecasts = _forecasts(planned, out)
    if as_json:
        cells = [_document(one, told) for one, told in zip(planned, forecasts, strict=True)]
        print_json(
            {"suite": wanted.name, "source": wanted.source, "timeout_s": wanted.timeout_s, "cells": cells}
        )
        return
    print_table([_row(one, told) for one, told in zip(planned, forecasts, strict=True)])
    skipped = sum(bool(one.reasons) for one in planned)
    for reason, count in Counter(reason for one in planned for reason in one.reasons).items():
        if ":" in reason:  # the table has what stands before it
            typer.echo(f"\n{reason}" + (f"\n  for {count} cells" if count > 1 else ""))
    skips = f", {skipped} of them skipped" if skipped else ""
    typer.echo(f"\n{wanted.name}: {len(planned)} cells{skips}{_sum(forecasts)}")


def _forecasts(planned: Sequence[Planned], out: Path) -> list[Forecast]:
    """How long each cell will take, as far as records on this machine tell."""
    records = [record for run in Store(out).runs() for record in _readable(run)]
    machine = probe().hard if records else {}
    return [Forecast(0.0, "skipped") if one.skip else forecast(one.cell, records, machine) for one in planned]


def _readable(run: Run) -> list[Record]:
    """The run's records; none of a run that this version cannot read."""
    try:
        return [*run.records(), *run.earlier_records()]
    except StoreError:
        return []


def _sum(forecasts: Sequence[Forecast]) -> str:
    known_s, unknown = total(forecasts)
    if not known_s:
        return ""  # no earlier record tells
    return f"; about {show_seconds(known_s)}" + (f" and {unknown} of unknown length" if unknown else "")


def _document(planned: Planned, told: Forecast) -> dict[str, object]:
    cell = planned.cell
    return {
        "key": cell.key,
        "title": cell.title,
        "skip": planned.skip,
        "expected_s": told.wall_s,
        "expected_by": told.by,
        "cell": cell.model_dump(mode="json"),
    }


def _row(planned: Planned, told: Forecast) -> dict[str, str]:
    cell = planned.cell
    return {
        "model": cell.title,
        "task": str(known_task(cell.model)),
        "data": _data(cell),
        "weights": _weights(cell),
        "metrics": ", ".join(map(shown_metric, cell.metrics)),
        "timing": _timing(cell),
        "runtime": _runtime(cell),
        "seed": str(cell.seed),
        "time": show_seconds(told.wall_s) if told.wall_s else "",
        "key": cell.key,
        "skipped": ", ".join(reason.partition(":")[0] for reason in planned.reasons),
    }


def _data(cell: Cell) -> str:
    limit = f" {cell.data.limit} images" if cell.data.limit else ""
    return f"{cell.data.name}/{cell.data.split}{limit}"


def _weights(cell: Cell) -> str:
    if cell.model.weights:
        return cell.model.weights
    return f"train {cell.train.epochs} epochs" if cell.train else "untrained"


def _timing(cell: Cell) -> str:
    plans = cell.time
    kinds = ("latency", "throughput", "end_to_end", "train_step", "energy")
    return ", ".join(name for name in kinds if plans and getattr(plans, name))


def _runtime(cell: Cell) -> str:
    runtime = cell.runtime
    words = [runtime.device, runtime.precision, runtime.layout, f"batch {runtime.batch}"]
    if runtime.compile:
        words.append("compiled" if runtime.compile is True else f"compiled ({runtime.compile})")
    if runtime.engine:
        words.append(f"by {runtime.engine}")
    if runtime.cuda_graphs:
        words.append("CUDA graphs")
    if runtime.threads:
        words.append(f"{runtime.threads} threads")
    return ", ".join(words)
