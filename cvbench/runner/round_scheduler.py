"""Joins the rounds of timing to the store: what is scored waits, each round is kept, then a record is made.

Below a run's folder lies, while a cell waits for its rounds,

    held/<key>/record.json, weights, outcomes    what its own worker found, without timings
    held/<key>/round-<n>/                        what round n left: its report and raw samples

Each of these folders appears whole, by one renaming, and stays until the record is written. A run
that was killed goes on from them.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from cvbench.record import Record
from cvbench.runner import environment, round_process
from cvbench.runner.progress import Progress
from cvbench.runner.round_merge import join, width_of
from cvbench.runner.round_process import REPORT, WEIGHTS, Turn, TurnReport
from cvbench.spec.cell import Cell
from cvbench.store import Run, Store, read_record
from cvbench.timing.latency import TARGETS

MOST_ROUNDS = 4
"""Times the rounds that were asked for: no budget is used for more."""


@runtime_checkable
class RoundListener(Protocol):
    """Who wants to hear how the rounds go."""

    def started(self, cell: Cell) -> None:
        """A cell's turn begins."""

    def progressed(self, cell: Cell, progress: Progress) -> None:
        """News from it."""

    def paused(self, cell: Cell, note: str) -> None:
        """It is over, and the cell is not finished yet."""


def draw_seed() -> int:
    """A seed for the order of a round: another one each time, and kept in the record."""
    return secrets.randbits(32)


@dataclass(frozen=True)
class Timekeeper:
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
        """Keep what a cell's own worker found until its rounds are over."""
        self.run.hold(record, staged)
        self.listener.paused(record.cell, f"scored; {_rounds(record.cell)} rounds of timing follow")

    def carry_out(self, cells: Sequence[Cell]) -> Iterator[Record]:
        """Take every round that is not there yet; each cell's record when its last is over."""
        waiting, number = list(cells), 0
        while waiting:
            missing = [cell for cell in waiting if not self._is_taken(cell, number)]
            if missing:
                self._take(number, missing)
            number += 1
            done = [cell for cell in waiting if not self._wants(cell, number)]
            waiting = [cell for cell in waiting if cell not in done]
            yield from map(self._finish, done)

    def _wants(self, cell: Cell, number: int) -> bool:
        """Whether the cell is to have this round: those asked for, then what its budget allows."""
        assert cell.time is not None
        if number < _rounds(cell) or self._is_taken(cell, number):
            return True
        if cell.time.budget is None or number >= MOST_ROUNDS * _rounds(cell):
            return False
        reports = self._reports(cell)
        spent_s = sum(report.round.spent.get("time", 0.0) for report in reports.values())
        on_gpu = environment.has_gpu() and cell.runtime.device != "cpu"
        target = TARGETS["cuda" if on_gpu else "cpu"]
        return spent_s < cell.time.budget and width_of(reports) > target

    def _take(self, number: int, cells: Sequence[Cell]) -> None:
        seed = self.seed()
        order = [self._turn(cell) for cell in round_process.drawn(cells, seed)]
        log = self.store.staging(self.run) / "output.txt"
        attendant = _Attendant(self, number)
        round_process.serve(number, order, seed=seed, timeout_s=self.timeout_s, log=log, attendant=attendant)
        shutil.rmtree(log.parent)

    def _turn(self, cell: Cell) -> Turn:
        folder = self._folder(cell)
        artifact = read_record(folder / "record.json").artifact
        assert artifact is not None  # only what is ok is held
        staged = self.store.staging(self.run)
        first = next(iter(self._reports(cell).values()), None)
        return Turn(
            cell=cell,
            weights=folder / WEIGHTS,
            sha256=artifact.sha256,
            exported=artifact.exported,
            staged=staged,
            frozen=first.frozen if first else {},
        )

    def _is_taken(self, cell: Cell, number: int) -> bool:
        return (self._folder(cell) / f"round-{number}").exists()

    def _finish(self, cell: Cell) -> Record:
        folder, staged = self._folder(cell), self.store.staging(self.run)
        scored = read_record(folder / "record.json")
        for item in scored.attachments:
            shutil.copyfile(folder / Path(item.file).name, staged / Path(item.file).name)
        record = self.run.commit(join(scored, self._reports(cell), staged), staged)
        shutil.rmtree(staged)
        self.run.release(cell.key)
        return record

    def _reports(self, cell: Cell) -> dict[Path, TurnReport]:
        """Of the rounds that are there, by folder, first to last."""
        found = {
            place: TurnReport.model_validate_json((place / REPORT).read_bytes())
            for place in self._folder(cell).glob("round-*")
        }
        return dict(sorted(found.items(), key=lambda item: item[1].round.number))

    def _folder(self, cell: Cell) -> Path:
        folder = self.run.held(cell.key)
        assert folder is not None
        return folder


@dataclass(frozen=True)
class _Attendant:
    """Keeps each turn the moment that it is over."""

    keeper: Timekeeper
    number: int

    def turn_began(self, turn: Turn) -> None:
        self.keeper.listener.started(turn.cell)

    def turn_progressed(self, turn: Turn, progress: Progress) -> None:
        self.keeper.listener.progressed(turn.cell, progress)

    def turn_ended(self, turn: Turn, report: TurnReport) -> None:
        self.keeper.run.hold_round(turn.cell.key, self.number, turn.staged)
        note = f"round {self.number + 1} of {_rounds(turn.cell)}"
        outcome = report.round.outcome
        self.keeper.listener.paused(turn.cell, note if outcome == "ok" else f"{note}: {outcome}")


def _rounds(cell: Cell) -> int:
    return cell.time.rounds or 0 if cell.time else 0
