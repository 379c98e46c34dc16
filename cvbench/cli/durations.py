"""How long a suite will take: from earlier records of the same cells, else from their plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from cvbench.errors import StoreError
from cvbench.record import Record, Scalar
from cvbench.spec.catalogue import DATASETS
from cvbench.spec.cell import Cell, TimingPlan
from cvbench.store import Store
from cvbench.units import show_seconds

RUNS = 30
"""Only this number of the newest runs is read."""
START_S = 5.0
"""Seconds until a new process has imported torch."""


class Forecast(NamedTuple):
    """How long one cell will take: from records, else what its plan alone says."""

    wall_s: float | None
    by: str
    """What the estimate is based on."""
    least_s: float = 0.0
    """Without a record: seconds of process starts and timing windows."""
    unknown: str = ""
    """Without a record: work of unknown duration."""

    @property
    def shown(self) -> str:
        """`12 s`, or `≥ 9 s` if only a part is known."""
        if self.wall_s is not None:
            return show_seconds(self.wall_s) if self.wall_s else ""
        return f"≥ {show_seconds(self.least_s)}"


SKIPPED = Forecast(0.0, "skipped")


def forecast(cell: Cell, records: Iterable[Record], machine: Mapping[str, Scalar]) -> Forecast:
    """From the same cell, else from its model with training and timing scaled, else from its plan.

    Uses only successful records from machines with the same processor and GPU.
    """
    ours = [record for record in records if record.outcome == "ok" and _is_here(record, machine)]
    same = [record for record in ours if record.key == cell.key]
    if same:
        return Forecast(median(record.wall_s for record in same), "this cell before")
    alike = [record for record in ours if _is_alike(record.cell, cell)]
    if not alike:
        return Forecast(None, "never run here", planned_s(cell), _unknown(cell))
    return Forecast(median(_scaled(record, cell) for record in alike), "this model with other settings")


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
    """The record's seconds, with training and timing scaled to the cell's size."""
    spent, before = record.spent, record.cell
    wall_s = record.wall_s
    if before.train and cell.train and record.artifact and record.artifact.source == "trained":
        images = (_trained(one) for one in (cell, before))
        share = next(images) / next(images)
        wall_s += spent.get("train", 0.0) * (share - 1)
    rounds_before, rounds = (_rounds(one) for one in (before, cell))
    if rounds_before and rounds:
        per_round = sum(spent.get(stage, 0.0) for stage in ("time", "import")) / rounds_before
        wall_s += per_round * (rounds - rounds_before)
    return wall_s


def _rounds(cell: Cell) -> int:
    return (cell.time.rounds or 1) if cell.time else 0


def planned_s(cell: Cell) -> float:
    """Seconds of timing windows and process starts: the least that the cell takes."""
    plan = cell.time
    if plan is None:
        return START_S
    processes = 1 if plan.rounds is None else 1 + plan.rounds
    return START_S * processes + (plan.rounds or 1) * _timing_s(plan)


def _timing_s(plan: TimingPlan) -> float:
    """Seconds of one round; a latency that reaches its iterations earlier takes less."""
    if plan.budget is not None:
        return plan.budget
    found = 0.0
    if plan.latency is not None:  # the whole, the network and the decoding are each warmed up
        found += 3 * plan.latency.warmup + plan.latency.duration
    if plan.throughput is not None:
        each = plan.throughput
        found += len(each.batches) * (each.warmup + each.window * each.windows)
    if plan.end_to_end is not None:  # everything, loading alone, the model alone, the stages
        found += 4 * plan.end_to_end.window * plan.end_to_end.windows
    for part in (plan.train_step, plan.energy):
        if part is not None:
            found += part.warmup + part.window * part.windows
    return found


def _unknown(cell: Cell) -> str:
    """The work of a new cell whose duration its plan does not determine."""
    scored = cell.data.limit or _images(cell, cell.data.split)
    scoring = f"scoring of {scored:,} images" if scored else "scoring"
    if cell.train is None or cell.model.weights is not None:
        return scoring
    images = cell.train.limit or _images(cell, "train")
    epochs = f"{cell.train.epochs} epoch{'s' if cell.train.epochs > 1 else ''}"
    return f"training of {epochs}" + (f" x {images:,} images" if images else "") + f" and {scoring}"


def _trained(cell: Cell) -> float:
    """Training images over all epochs; the number of epochs if the images are unknown."""
    assert cell.train is not None
    return cell.train.epochs * (cell.train.limit or _images(cell, "train") or 1)


def _images(cell: Cell, split: str) -> int | None:
    """Number of images in a split of a known dataset; None for your own copy."""
    card = DATASETS.get(cell.data.name)
    return None if card is None or cell.data.root is not None else card.splits.get(split)


def earlier_records(out: Path) -> list[Record]:
    """All records of the newest runs below a folder; runs that cannot be read are left out."""
    found = list[Record]()
    for run in Store(out).runs()[-RUNS:]:
        try:
            found += [*run.records(), *run.earlier_records()]
        except StoreError:
            continue
    return found


def expected(forecasts: Sequence[Forecast]) -> str:
    """`about 3 min 20 s`, and the parts of unknown duration."""
    known_s = sum(one.wall_s for one in forecasts if one.wall_s is not None)
    new = [one for one in forecasts if one.wall_s is None]
    if not new:
        return f"about {show_seconds(known_s)}" if known_s else "nothing to do"
    least_s = sum(one.least_s for one in new)
    what = "; ".join(dict.fromkeys(one.unknown for one in new[:20]))
    cells = "1 cell" if len(new) == 1 else f"{len(new)} cells"
    first = f"about {show_seconds(known_s)} for what ran before, and " if known_s else ""
    return (
        f"{first}at least {show_seconds(least_s)} for {cells} that never ran here "
        f"(timing and starting processes); {what}: unknown"
    )
