"""How long a suite will take, told from the records of earlier runs on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from cvbench.record import Record, Scalar
from cvbench.spec.cell import Cell


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
