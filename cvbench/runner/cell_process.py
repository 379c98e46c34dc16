"""Runs one cell in a fresh process; a timeout or a crash becomes a record with its reason."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cvbench.errors import CellError, cut
from cvbench.record import Outcome, Record
from cvbench.runner import environment
from cvbench.runner.messages import (
    RECORD,
    CellFinished,
    CellJob,
    Failure,
    News,
    ProgressNews,
    read_cell_record,
)
from cvbench.runner.process import LINGER_S, Worker, start_worker, thread_settings, working
from cvbench.runner.progress import Progress
from cvbench.spec.cell import Cell
from cvbench.spec.suite import Planned


@dataclass(frozen=True)
class Workspace:
    """Where a cell's files go while it runs."""

    staged: Path
    """A folder of the cell's own: raw samples, per-image results, the worker's output."""
    checkpoints: Path


@dataclass(frozen=True)
class CellProcess:
    """A planned cell whose worker runs, and waits for its job."""

    planned: Planned
    workspace: Workspace
    worker: Worker

    def drop(self) -> None:
        """It is not needed after all: end the worker, and remove its folder."""
        self.worker.end()
        shutil.rmtree(self.workspace.staged, ignore_errors=True)


def start_cell_process(planned: Planned, workspace: Workspace, *, ahead: bool = False) -> CellProcess:
    """Start the cell's worker; `ahead` of time, so that it has imported all it needs when it is used."""
    settings = thread_settings(planned.cell.runtime.threads or environment.threads_available())
    worker = start_worker(log=workspace.staged / "output.txt", settings=settings, ahead=ahead)
    return CellProcess(planned, workspace, worker)


def run_cell_process(
    started: CellProcess, *, timeout_s: float, on_progress: Callable[[Progress], None]
) -> Record:
    """The cell's record. Only an interruption of this process gets out as an exception.

    A cell that is timed in rounds comes back without its timings; its weights are in the staging folder.
    """
    began, clock = datetime.now(UTC), time.perf_counter()
    cell, workspace = started.planned.cell, started.workspace
    job = CellJob(
        cell=cell,
        weights=started.planned.weights,
        staged=workspace.staged,
        checkpoints=workspace.checkpoints,
    )

    finished = False

    def on_news(news: News) -> float | None:
        nonlocal finished
        if isinstance(news, CellFinished):
            finished = True
            return LINGER_S
        if not isinstance(news, ProgressNews):
            raise CellError(f"the worker sent {news.kind}, which is not a message about a cell.")
        on_progress(news.progress)
        return None

    with working(job, started.worker) as worker:
        failure = worker.listen(timeout_s, on_news)
        wall_s = time.perf_counter() - clock
        if finished or (failure is None and worker.process.wait() == 0):
            found = _record_left(cell, workspace.staged)
            if isinstance(found, Record):
                return found.model_copy(update={"wall_s": wall_s})
            failure = found
        failure = failure or worker.how_it_ended()
    return unfinished(
        cell,
        outcome=failure.outcome,
        reason=failure.reason,
        output=worker.last_lines(),
        started=began,
        wall_s=time.perf_counter() - clock,
    )


def _record_left(cell: Cell, staged: Path) -> Record | Failure:
    """The record that a cell's worker left, or why there is none."""
    if not (staged / RECORD).exists():
        return Failure("failed", "the worker ended with exit code 0 and left no record")
    try:
        record = read_cell_record(staged / RECORD)
    except CellError as error:
        return Failure("failed", str(error))
    if record.key != cell.key:
        return Failure("failed", f"the worker left the record of another cell, {cut(record.key, 40)}")
    return record


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
