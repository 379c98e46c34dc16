"""Carries out one cell in a fresh process on this machine, whatever becomes of that process."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cvbench import units
from cvbench.record import Outcome, Record
from cvbench.runner import environment
from cvbench.runner.process import Worker, start_worker, thread_settings, working
from cvbench.runner.progress import Progress
from cvbench.spec.cell import Cell


@dataclass(frozen=True)
class Workspace:
    """Where a cell's files go while it works."""

    staged: Path
    """A folder of the cell's own: raw samples, outcomes, the worker's output."""
    checkpoints: Path


@dataclass(frozen=True)
class Prepared:
    """A cell whose worker runs, and waits for word to begin."""

    cell: Cell
    workspace: Workspace
    worker: Worker

    def drop(self) -> None:
        """It is not needed after all: end the worker, and take its folder away."""
        self.worker.end()
        shutil.rmtree(self.workspace.staged)


def prepare(cell: Cell, workspace: Workspace, *, ahead: bool = False) -> Prepared:
    """Start the cell's worker; `ahead` of time, so that it has imported all it needs when its turn comes."""
    settings = thread_settings(cell.runtime.threads or environment.threads_available())
    worker = start_worker(log=workspace.staged / "output.txt", settings=settings, ahead=ahead)
    return Prepared(cell, workspace, worker)


def carry_out(prepared: Prepared, *, timeout_s: float, on_progress: Callable[[Progress], None]) -> Record:
    """The cell's record. Only an interruption of this process gets out as an exception.

    A cell that is timed in rounds comes back without its timings; its weights lie in the staging folder.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    cell, workspace = prepared.cell, prepared.workspace
    job = {
        "cell": cell.model_dump(mode="json"),
        "staged": str(workspace.staged),
        "checkpoints": str(workspace.checkpoints),
    }

    def hear(message: dict[str, object]) -> bool:
        on_progress(Progress(**message))  # type: ignore[arg-type]
        return False

    outcome: Outcome = "timeout"
    reason = f"not done after {units.show_seconds(timeout_s)}"
    with working(job, prepared.worker) as worker:
        if worker.listen(timeout_s, hear):
            record_file = workspace.staged / "record.json"
            if worker.process.wait() == 0 and record_file.exists():
                record = Record.model_validate_json(record_file.read_bytes())
                return record.model_copy(update={"wall_s": time.perf_counter() - clock})
            outcome, reason = worker.how_it_ended()
    return unfinished(
        cell,
        outcome=outcome,
        reason=reason,
        output=worker.last_words(),
        started=started,
        wall_s=time.perf_counter() - clock,
    )


def unfinished(
    cell: Cell, *, outcome: Outcome, reason: str, output: str | None, started: datetime, wall_s: float
) -> Record:
    """The record of a cell that yielded nothing, written on its behalf."""
    return Record(
        key=cell.key,
        cell=cell,
        outcome=outcome,
        reason=reason,
        output=output,
        started=started,
        wall_s=wall_s,
        environment=environment.probe(),
    )
