"""Joins the rounds of timing to the store: scored cells wait, each round is stored, then a record is made.

While a cell waits for its rounds, a run's folder holds

    held/<key>/record.json, weights, outcomes    what its own worker found, without timings
    held/<key>/round-<n>/                        what round n left: its result and raw samples

Each of these folders appears whole, by one renaming, and stays until the record is written. A run
that was killed resumes from them.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from cvbench.errors import CellError, StoreError
from cvbench.record import Record
from cvbench.runner import environment
from cvbench.runner.messages import RECORD, ROUND, WEIGHTS, RoundResult, RoundSlot, read_round_result
from cvbench.runner.progress import Progress
from cvbench.runner.round_merge import join, width_of
from cvbench.runner.round_process import run_round, shuffled
from cvbench.spec.cell import Cell
from cvbench.spec.suite import Planned
from cvbench.store import Run, Store, read_record
from cvbench.store.runs import unwritable
from cvbench.timing.latency import TARGETS

MOST_ROUNDS = 4
"""Times the rounds that were asked for: no budget is used for more."""


@runtime_checkable
class RoundListener(Protocol):
    """Follows the rounds of a run."""

    def started(self, cell: Cell) -> None:
        """A cell's slot begins."""

    def progressed(self, cell: Cell, progress: Progress) -> None:
        """News from it."""

    def paused(self, cell: Cell, note: str) -> None:
        """It is over, and the cell is not finished yet."""


def draw_seed() -> int:
    """A seed for the order of a round: another one each time, and kept in the record."""
    return secrets.randbits(32)


@dataclass(frozen=True)
class RoundScheduler:
    """Has the scored cells of a run timed, in rounds over all of them."""

    run: Run
    store: Store
    listener: RoundListener
    timeout_s: float
    seed: Callable[[], int] = draw_seed

    def is_held(self, cell: Cell) -> bool:
        """Whether the cell is scored and waits for its rounds."""
        return self.run.held(cell.key) is not None

    def hold(self, record: Record, staged: Path) -> None:
        """Keep the record of a cell's worker until its rounds are over."""
        self.run.hold(record, staged)
        self.listener.paused(record.cell, f"scored; {_rounds(record.cell)} rounds of timing follow")

    def run_rounds(self, cells: Sequence[Planned]) -> Iterator[Record]:
        """Time every round that is not there yet; each cell's record when its last is over."""
        waiting, number = list(cells), 0
        while waiting:
            missing = [one for one in waiting if not self._is_timed(one.cell, number)]
            if missing:
                self._time(number, missing)
            number += 1
            done = [one for one in waiting if not self._wants(one.cell, number)]
            waiting = [one for one in waiting if one not in done]
            yield from (self._finish(one.cell) for one in done)

    def _wants(self, cell: Cell, number: int) -> bool:
        """Whether the cell is to have this round: those asked for, then what its budget allows."""
        assert cell.time is not None
        if number < _rounds(cell) or self._is_timed(cell, number):
            return True
        if cell.time.budget is None or number >= MOST_ROUNDS * _rounds(cell):
            return False
        results = self._results(cell)
        spent_s = sum(result.round.spent.get("time", 0.0) for result in results.values())
        on_gpu = environment.has_gpu() and cell.runtime.device != "cpu"
        target = TARGETS["cuda" if on_gpu else "cpu"]
        return spent_s < cell.time.budget and width_of(results) > target

    def _time(self, number: int, cells: Sequence[Planned]) -> None:
        seed = self.seed()
        planned = {one.cell.key: one for one in cells}
        order = shuffled([one.cell for one in cells], seed)
        slots = [self._slot(planned[cell.key], place) for place, cell in enumerate(order)]
        log = self.store.staging(self.run) / "output.txt"
        listener = _SlotStore(self, number)
        run_round(number, slots, seed=seed, timeout_s=self.timeout_s, log=log, listener=listener)
        shutil.rmtree(log.parent, ignore_errors=True)

    def _slot(self, planned: Planned, place: int) -> RoundSlot:
        folder = self._folder(planned.cell)
        artifact = read_record(folder / RECORD).artifact
        assert artifact is not None  # only what is ok is held
        first = next(iter(self._results(planned.cell).values()), None)
        return RoundSlot(
            cell=planned.cell,
            weights=planned.weights,
            place=place,
            checkpoint=folder / WEIGHTS,
            sha256=artifact.sha256,
            exported=artifact.exported,
            staged=self.store.staging(self.run),
            frozen=first.frozen if first else {},
        )

    def _is_timed(self, cell: Cell, number: int) -> bool:
        return (self._folder(cell) / f"round-{number}").exists()

    def _finish(self, cell: Cell) -> Record:
        folder, staged = self._folder(cell), self.store.staging(self.run)
        scored = read_record(folder / RECORD)
        results = self._results(cell)
        try:
            for item in scored.attachments:
                shutil.copyfile(folder / Path(item.file).name, staged / Path(item.file).name)
            joined = join(scored, results, staged)
        except OSError as error:
            raise unwritable(folder, error) from error
        record = self.run.commit(joined, staged)
        shutil.rmtree(staged, ignore_errors=True)
        self.run.release(cell.key)
        return record

    def _results(self, cell: Cell) -> dict[Path, RoundResult]:
        """Of the rounds that are there, by folder, first to last."""
        try:
            found = {place: read_round_result(place / ROUND) for place in self._folder(cell).glob("round-*")}
        except CellError as error:
            raise StoreError(f"{error}\n  Delete this folder to time the cell again.") from error
        return dict(sorted(found.items(), key=lambda item: item[1].round.number))

    def _folder(self, cell: Cell) -> Path:
        folder = self.run.held(cell.key)
        assert folder is not None
        return folder


@dataclass(frozen=True)
class _SlotStore:
    """Stores each slot of a round the moment that it is over."""

    scheduler: RoundScheduler
    number: int

    def slot_started(self, slot: RoundSlot) -> None:
        self.scheduler.listener.started(slot.cell)

    def slot_progressed(self, slot: RoundSlot, progress: Progress) -> None:
        self.scheduler.listener.progressed(slot.cell, progress)

    def slot_finished(self, slot: RoundSlot, result: RoundResult) -> None:
        self.scheduler.run.hold_round(slot.cell.key, self.number, slot.staged)
        note = f"round {self.number + 1} of {_rounds(slot.cell)}"
        outcome = result.round.outcome
        self.scheduler.listener.paused(slot.cell, note if outcome == "ok" else f"{note}: {outcome}")


def _rounds(cell: Cell) -> int:
    return cell.time.rounds or 0 if cell.time else 0
