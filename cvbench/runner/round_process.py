"""Rounds of timing: each is one fresh process that times all cells of a suite, one after the other.

Times vary more between processes (memory addresses, chosen algorithms, other load) than between iterations of
one process, so the process is repeated. Each round has its own shuffled order, so that no cell always follows
the same one. After a failure in a cell, a fresh process times the rest of the round.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from cvbench.errors import CellError
from cvbench.files import write_whole
from cvbench.record import Round
from cvbench.runner import environment
from cvbench.runner.messages import (
    ROUND,
    CellFinished,
    Failure,
    News,
    ProgressNews,
    RoundJob,
    RoundResult,
    RoundSlot,
    SlotStarted,
    read_round_result,
)
from cvbench.runner.process import LINGER_S, start_worker, thread_settings, working
from cvbench.runner.progress import Progress
from cvbench.spec.cell import Cell


def shuffled(cells: Sequence[Cell], seed: int) -> list[Cell]:
    """The cells in the order that this seed gives; it does not depend on the order they are given in."""
    by_key = sorted(cells, key=lambda cell: cell.key)
    random.Random(seed).shuffle(by_key)  # noqa: S311  (an order, not a secret)
    return by_key


@runtime_checkable
class SlotListener(Protocol):
    """Follows a round, slot by slot."""

    def slot_started(self, slot: RoundSlot) -> None:
        """The timing of a cell begins."""

    def slot_progressed(self, slot: RoundSlot, progress: Progress) -> None:
        """News from it."""

    def slot_finished(self, slot: RoundSlot, result: RoundResult) -> None:
        """It is over; its folder holds what the result names, and nobody writes there any more."""


def run_round(
    number: int,
    slots: Sequence[RoundSlot],
    *,
    seed: int,
    timeout_s: float,
    log: Path,
    listener: SlotListener,
) -> None:
    """Time one round; the listener hears of each slot as soon as it is over.

    Only an interruption of this process gets out as an exception.
    """
    left = list(slots)
    while left:
        process = _RoundProcess(number, left, seed=seed, timeout_s=timeout_s, listener=listener)
        process.run(log)
        left = left[process.over :]


class _RoundProcess:
    """One process's part of a round: all of it, or up to its failure."""

    def __init__(
        self,
        number: int,
        slots: Sequence[RoundSlot],
        *,
        seed: int,
        timeout_s: float,
        listener: SlotListener,
    ) -> None:
        self._number, self._seed, self._slots = number, seed, slots
        self._timeout_s = timeout_s
        self._listener = listener
        self._since = datetime.now(UTC)
        self._was_last = False
        self.over = 0

    def run(self, log: Path) -> None:
        """Let a fresh process time the slots; at least one is over then."""
        job = RoundJob(number=self._number, seed=self._seed, slots=tuple(self._slots))
        threads = max(slot.cell.runtime.threads or environment.threads_available() for slot in self._slots)
        with working(job, start_worker(log=log, settings=thread_settings(threads))) as worker:
            failure = worker.listen(self._timeout_s, self._on_news) or worker.how_it_ended()
        if self.over < len(self._slots) and not self._was_last:
            self._finish(self._on_behalf(failure, worker.last_lines()))

    def _on_news(self, news: News) -> float | None:
        slot = self._slots[min(self.over, len(self._slots) - 1)]
        if isinstance(news, ProgressNews):
            self._listener.slot_progressed(slot, news.progress)
            return None
        if isinstance(news, CellFinished):
            raise CellError(f"the worker sent {news.kind}, which is not a message about a timing round.")
        if self.over == len(self._slots) or news.place != slot.place:
            raise CellError(f"the worker sent {news.kind} of place {news.place}, not of {slot.place}.")
        if isinstance(news, SlotStarted):
            self._since = datetime.now(UTC)
            self._listener.slot_started(slot)
        else:
            self._finish(read_round_result(slot.staged / ROUND))
        return LINGER_S if self.over == len(self._slots) or self._was_last else self._timeout_s

    def _finish(self, result: RoundResult) -> None:
        slot = self._slots[self.over]
        self.over += 1
        self._was_last = result.is_last
        slot.staged.mkdir(parents=True, exist_ok=True)  # a model's code may have taken it away
        write_whole(slot.staged / ROUND, result.model_dump_json().encode())
        self._listener.slot_finished(slot, result)

    def _on_behalf(self, failure: Failure, output: str) -> RoundResult:
        """The result of a slot whose process left none."""
        timed = Round(
            number=self._number,
            seed=self._seed,
            place=self._slots[self.over].place,
            outcome=failure.outcome,
            reason=failure.reason,
            output=output,
            started=self._since,
            wall_s=(datetime.now(UTC) - self._since).total_seconds(),
            conditions=environment.probe().volatile,
        )
        return RoundResult(round=timed)
