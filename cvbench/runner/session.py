"""Joins runner and store: a suite goes in, records come out one by one, each stored before the next.

This is `cvbench run` without its terminal; the Python API is the same function.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from cvbench.errors import InputError, writable
from cvbench.files import sha256_of_sources
from cvbench.record import PlannedCell, Record, RunInfo
from cvbench.runner import cell_process, environment
from cvbench.runner.inputs import Inputs
from cvbench.runner.messages import WEIGHTS
from cvbench.runner.process import refuse_namesake
from cvbench.runner.progress import Progress
from cvbench.runner.round_scheduler import RoundScheduler
from cvbench.spec.canonical import digest
from cvbench.spec.catalogue import is_address
from cvbench.spec.catalogue.own_code import sources_of
from cvbench.spec.cell import Cell
from cvbench.spec.suite import Planned, Suite, plan_cell
from cvbench.spec.titles import distinct_titles
from cvbench.store import Run, Store


@runtime_checkable
class Listener(Protocol):
    """Follows a run."""

    def started(self, cell: Cell) -> None:
        """A cell's worker is being started."""

    def progressed(self, cell: Cell, progress: Progress) -> None:
        """News from it."""

    def paused(self, cell: Cell, note: str) -> None:
        """Its worker is done, and its timing rounds are pending."""

    def finished(self, record: Record, *, reused: bool) -> None:
        """Its record is on disk; `reused` if it was there before."""


@dataclass
class Session:
    """A run in progress."""

    suite: Suite
    run: Run
    store: Store
    listener: Listener
    records: list[Record] = field(default_factory=list)
    _has_gpu: bool = field(default_factory=environment.has_gpu)
    _ahead: cell_process.CellProcess | None = None
    """The next cell's worker, importing while another scores."""
    _plans: dict[str, Planned] = field(default_factory=dict)
    """By the key of their cell."""
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What each cell reads from the disk, as it was when the session began; by the key of the cell."""
    notices: tuple[str, ...] = ()
    """What whoever started it should know before the first cell."""

    def run_suite(self) -> Iterator[Record]:
        """Every cell of the suite: in order where its worker does all, at the end where rounds time it.

        A cell with a good record is taken from disk. Records that are not ok are tried again, except
        skips that still hold.
        """
        scheduler = RoundScheduler(self.run, self.store, self.listener, self.suite.timeout_s)
        waiting = list[Planned]()
        try:
            for number, cell in enumerate(self.suite.cells):
                record = self.run.record(cell.key)
                reused = _is_good(record)
                if not reused and not scheduler.is_held(cell):
                    after = self.suite.cells[number + 1 :]
                    record = self._new_record(self._plan(cell), scheduler, after=after)
                if not reused and scheduler.is_held(cell):
                    waiting.append(self._plan(cell))
                    continue
                assert record is not None
                yield self._finished(record, reused=reused)
        finally:
            self._drop_ahead()
        for record in scheduler.run_rounds(waiting):
            yield self._finished(record, reused=False)

    def unfinished(self) -> list[Planned]:
        """The plan of each cell that has no good record yet, in the suite's order."""
        return [self._plan(cell) for cell in self.suite.cells if not _is_good(self.run.record(cell.key))]

    def _plan(self, cell: Cell) -> Planned:
        """The cell's plan, made when it is first needed; its weights are resolved there and nowhere else."""
        if cell.key not in self._plans:
            self._plans[cell.key] = plan_cell(cell, has_gpu=self._has_gpu)
        return self._plans[cell.key]

    def _finished(self, record: Record, *, reused: bool) -> Record:
        place = {cell.key: number for number, cell in enumerate(self.suite.cells)}
        self.records.append(record)
        self.records.sort(key=lambda one: place[one.key])
        self.listener.finished(record, reused=reused)
        return record

    def _new_record(
        self, planned: Planned, scheduler: RoundScheduler, *, after: Sequence[Cell]
    ) -> Record | None:
        """The cell's record; None where it is scored and waits for its rounds of timing."""
        cell = planned.cell
        self.listener.started(cell)
        if planned.skip is not None:
            staged, now = self.store.staging(self.run), datetime.now(UTC)
            record = cell_process.unfinished(
                cell, outcome="skipped", reason=planned.skip, output=None, started=now, wall_s=0.0
            )
        else:
            started = self._started(planned)
            staged = started.workspace.staged
            if after and cell.train is None and (cell.time is None or cell.time.rounds is not None):
                self._start_ahead(after[0], scheduler)
            record = cell_process.run_cell_process(
                started,
                timeout_s=self.suite.timeout_s,
                on_progress=lambda progress: self.listener.progressed(cell, progress),
            )
        record = record.model_copy(update={"inputs": self.inputs.get(cell.key, {})})
        if record.outcome == "ok" and cell.time is not None and cell.time.rounds is not None:
            if (staged / WEIGHTS).is_file():
                scheduler.hold(record, staged)
                return None
            record = cell_process.unfinished(
                cell,
                outcome="failed",
                reason=f"the worker left no {WEIGHTS} for the rounds of timing",
                output=None,
                started=record.started,
                wall_s=record.wall_s,
            )
        record = self.run.commit(record, staged)
        shutil.rmtree(staged, ignore_errors=True)
        return record

    def _started(self, planned: Planned, *, ahead: bool = False) -> cell_process.CellProcess:
        """The cell with a worker: the one that was started ahead for it, or a new one."""
        if self._ahead is not None and self._ahead.planned == planned:
            started, self._ahead = self._ahead, None
            return started
        self._drop_ahead()
        workspace = cell_process.Workspace(self.store.staging(self.run), self.store.checkpoints)
        return cell_process.start_cell_process(planned, workspace, ahead=ahead)

    def _start_ahead(self, cell: Cell, scheduler: RoundScheduler) -> None:
        """Start the next cell's worker, where it needs one, while nothing is trained or timed."""
        is_there = _is_good(self.run.record(cell.key)) or scheduler.is_held(cell)
        if not is_there and self._plan(cell).skip is None:
            self._ahead = self._started(self._plan(cell), ahead=True)

    def _drop_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.drop()
            self._ahead = None


def _is_good(record: Record | None) -> bool:
    return record is not None and record.outcome == "ok"


@contextmanager
def opened(suite: Suite, *, out: Path, listener: Listener, fresh: bool = False) -> Iterator[Session]:
    """A session whose results folder is this process's own while the block lasts.

    Raises StoreError or RunInUse before any work if the folder cannot be written, InputError if workers
    would import another `cvbench`, and UnknownName for an import path whose module they would not find.
    """
    for path in (suite.source, str(out)):
        if writable(path) != path:
            raise InputError(f"{writable(path)}: the name is not UTF-8, so no record can hold it. Rename it.")
    machine = environment.probe()
    code = sha256_of_sources(_sources(suite.cells))
    roots = {cell.data.name: cell.data.root for cell in suite.cells}
    identity = digest({"machine": dict(machine.hard), "code": code, "where": sorted(map(str, roots.items()))})
    info = RunInfo(
        suite=suite.name,
        identity=identity,
        source=suite.source,
        suite_text=suite.text,
        overrides=suite.overrides,
        limit=suite.limit,
        commits={
            "cvbench": environment.commit_of(Path(__file__)),
            "suite": environment.commit_of(Path(suite.source)),
        },
        code_sha256=code,
        environment=machine,
        expectations=suite.expectations,
        cells=_planned(suite.cells),
    )
    refuse_namesake()
    store, has_gpu = Store(out), environment.has_gpu()
    plans = {cell.key: plan_cell(cell, has_gpu=has_gpu) for cell in suite.cells}
    look = Inputs(without=out)
    inputs = {key: look.of(planned) for key, planned in plans.items()}

    def continues(run: Run) -> bool:
        finished = ((key, run.finished(key)) for key in inputs)
        return all(one is None or dict(one.inputs) == inputs[key] for key, one in finished)

    whole, damaged = _planned(suite.whole), store.newest_damage(suite.name)
    with store.writing(info, fresh=fresh, whole=whole, continues=continues) as run:
        notices = () if damaged is None or fresh else (f"{damaged}\n  A new run begins: {run.folder}",)
        yield Session(suite, run, store, listener, _plans=plans, inputs=inputs, notices=notices)


def _planned(cells: Sequence[Cell]) -> tuple[PlannedCell, ...]:
    named = zip(cells, distinct_titles(cells), strict=True)
    return tuple(PlannedCell(key=c.key, title=title, model=c.model.name) for c, title in named)


def _sources(cells: tuple[Cell, ...]) -> list[Path]:
    """The source files that decide a cell's result: cvbench's own, and the files of import paths.

    Raises UnknownName for a module that no worker would find.
    """
    own = [Path(__file__).parents[1]]
    for cell in cells:
        also = [cell.train.also.name] if cell.train and cell.train.also else []
        for name in filter(is_address, (cell.model.name, cell.data.name, *also, *cell.metrics)):
            own += sources_of(name)
    return sorted(set(own))


class Silence:
    """Hears everything and says nothing."""

    def started(self, cell: Cell) -> None:
        """Say nothing."""

    def progressed(self, cell: Cell, progress: Progress) -> None:
        """Say nothing."""

    def paused(self, cell: Cell, note: str) -> None:
        """Say nothing."""

    def finished(self, record: Record, *, reused: bool) -> None:
        """Say nothing."""


def run(
    suite: Suite, *, out: Path | str = "results", listener: Listener | None = None, fresh: bool = False
) -> list[Record]:
    """Run a suite from Python, as `cvbench run` does: `cvbench.run(cvbench.load_suite(path))`.

    Returns one record per cell, in the suite's order, failed ones included. Running the same suite again
    resumes where the last run stopped.
    """
    with opened(suite, out=Path(out), listener=listener or Silence(), fresh=fresh) as session:
        for _ in session.run_suite():
            pass
        return session.records
