"""Rounds of timing: each is one fresh process that serves all cells of a suite in turn.

What differs from process to process (addresses, chosen algorithms, what else the machine does) moves a
figure more than what differs from iteration to iteration, so the process is what is repeated. The order
is drawn anew for each round, so that no cell always follows the same one. A process that failed at a
cell serves no other: the rest of the round is served by a fresh one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import Field

from cvbench import units
from cvbench.record import Attachment, Outcome, Round
from cvbench.runner import environment
from cvbench.runner.process import start_worker, thread_settings, working
from cvbench.runner.progress import Progress
from cvbench.spec.canonical import Frozen
from cvbench.spec.cell import Cell

WEIGHTS = "weights.safetensors"
"""The weights of a scored cell, beside its record, until its rounds are taken."""

REPORT = "round.json"


class Turn(Frozen):
    """One cell's part of a round."""

    cell: Cell
    weights: Path
    """What was scored …"""
    sha256: str
    """… and the fingerprint by which it is known."""
    exported: str | None = None
    """That of the file beside the weights that an engine runs, where one does."""
    staged: Path
    """A folder for what the turn leaves behind."""
    frozen: Mapping[str, Mapping[str, int]] = Field(default_factory=dict)
    """What the first round settled: calls of the warm-up's phases and calls a window, by series."""


class TurnReport(Frozen):
    """What a turn leaves in its folder, beside its raw samples."""

    round: Round
    attachments: tuple[Attachment, ...] = ()
    frozen: Mapping[str, Mapping[str, int]] = Field(default_factory=dict)
    """Of each series: what it settled, for later rounds to keep to."""
    worn: bool = False
    """Whether its process ran out of memory on the way."""

    @property
    def is_last(self) -> bool:
        """Whether its process serves no other turn."""
        return self.worn or self.round.outcome != "ok"


def drawn(cells: Sequence[Cell], seed: int) -> list[Cell]:
    """The cells in the order that this seed draws; it does not depend on the order they are given in."""
    by_key = sorted(cells, key=lambda cell: cell.key)
    random.Random(seed).shuffle(by_key)  # noqa: S311  (an order, not a secret)
    return by_key


@runtime_checkable
class Attendant(Protocol):
    """Who follows a round."""

    def turn_began(self, turn: Turn) -> None:
        """A cell's turn has come."""

    def turn_progressed(self, turn: Turn, progress: Progress) -> None:
        """News from it."""

    def turn_ended(self, turn: Turn, report: TurnReport) -> None:
        """It is over; its folder holds what the report names, and nobody writes there any more."""


def serve(
    number: int, turns: Sequence[Turn], *, seed: int, timeout_s: float, log: Path, attendant: Attendant
) -> None:
    """Carry out one round; the attendant hears of each turn as soon as it is over.

    Only an interruption of this process gets out as an exception.
    """
    left = list(enumerate(turns))
    while left:
        part = _Part(number, left, seed=seed, timeout_s=timeout_s, attendant=attendant)
        part.carry_out(log)
        left = left[part.over :]


class _Part:
    """What one process serves of a round: all of it, or up to its failure."""

    def __init__(
        self,
        number: int,
        turns: Sequence[tuple[int, Turn]],
        *,
        seed: int,
        timeout_s: float,
        attendant: Attendant,
    ) -> None:
        self._number, self._seed = number, seed
        self._places, self._turns = [place for place, _ in turns], [turn for _, turn in turns]
        self._timeout_s = timeout_s
        self._attendant = attendant
        self._since = datetime.now(UTC)
        self._was_last = False
        self.over = 0

    def carry_out(self, log: Path) -> None:
        """Let a fresh process take the turns; at least one is over then."""
        job = {
            "number": self._number,
            "seed": self._seed,
            "places": self._places,
            "turns": [turn.model_dump(mode="json") for turn in self._turns],
        }
        threads = max(turn.cell.runtime.threads or environment.threads_available() for turn in self._turns)
        with working(job, start_worker(log=log, settings=thread_settings(threads))) as worker:
            in_time = worker.listen(self._timeout_s, self._hear)
            how = worker.how_it_ended() if in_time else None
        if self.over < len(self._turns) and not self._was_last:
            outcome, reason = how or ("timeout", f"not done after {units.show_seconds(self._timeout_s)}")
            self._end(self._on_behalf(outcome, reason, worker.last_words()))

    def _hear(self, message: dict[str, Any]) -> bool:
        turn = self._turns[min(self.over, len(self._turns) - 1)]
        if "turn" in message:
            self._since = datetime.now(UTC)
            self._attendant.turn_began(turn)
        elif "progress" in message:
            self._attendant.turn_progressed(turn, Progress(**message["progress"]))
        else:
            self._end(TurnReport.model_validate_json((turn.staged / REPORT).read_bytes()))
        return "progress" not in message

    def _end(self, report: TurnReport) -> None:
        turn = self._turns[self.over]
        self.over += 1
        self._was_last = report.is_last
        (turn.staged / REPORT).write_text(report.model_dump_json(), encoding="utf-8")
        self._attendant.turn_ended(turn, report)

    def _on_behalf(self, outcome: Outcome, reason: str, output: str) -> TurnReport:
        """The report of a turn whose process left none."""
        taken = Round(
            number=self._number,
            seed=self._seed,
            place=self._places[self.over],
            outcome=outcome,
            reason=reason,
            output=output,
            started=self._since,
            wall_s=(datetime.now(UTC) - self._since).total_seconds(),
            conditions=environment.probe().volatile,
        )
        return TurnReport(round=taken)
