"""Carries out one cell in a fresh process on this machine, whatever becomes of that process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cvbench import environment, units
from cvbench.record import Outcome, Record
from cvbench.runner.ledger import Progress
from cvbench.runner.process import thread_settings, working
from cvbench.spec import Cell


@dataclass(frozen=True)
class Workspace:
    """Where a cell's files go while it works."""

    staged: Path
    """A folder of the cell's own: raw samples, outcomes, the worker's output."""
    checkpoints: Path


def carry_out(
    cell: Cell, workspace: Workspace, *, timeout_s: float, on_progress: Callable[[Progress], None]
) -> Record:
    """The cell's record. Only an interruption of this process gets out as an exception.

    A cell that is timed in rounds comes back without its timings; its weights lie in the staging folder.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    job = {
        "cell": cell.model_dump(mode="json"),
        "staged": str(workspace.staged),
        "checkpoints": str(workspace.checkpoints),
    }
    settings = thread_settings(cell.runtime.threads or environment.threads_available())

    def hear(message: dict[str, object]) -> bool:
        on_progress(Progress(**message))  # type: ignore[arg-type]
        return False

    outcome: Outcome = "timeout"
    reason = f"not done after {units.show_seconds(timeout_s)}"
    with working(job, log=workspace.staged / "output.txt", settings=settings) as worker:
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
