"""The results folder: one folder per run, one immutable file per cell, all files written atomically.

    <out>/<suite>/<run>/run.json            the run's RunInfo: suite, floors, machine, versions, start
                        cells/<key>.json    one Record per cell
                        samples/<key>…      raw timings, Parquet
                        outcomes/<key>…     per-image results, Parquet
                        curves/ … pictures/ one folder per other kind of Attachment
                        attempts/<key>-<n>.json   records of earlier attempts that failed
                        held/<key>/         cells that are scored and not yet timed
    <out>/checkpoints/                      trained weights, shared by all runs

`cvbench run` resumes a run with the same `identity`: same suite, machine, code and data folders. If a file
that a finished cell read has changed, a new run starts. One process at a time writes a suite's folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cvbench.errors import RunInUse, StoreError
from cvbench.files import read_document, sha256_of_file, sweep, sync, write_whole
from cvbench.record import SCHEMA, Attachment, PlannedCell, Record, RunInfo
from cvbench.store.attachments import StoredFile

if TYPE_CHECKING:
    import pyarrow as pa

STAGING, HELD = ".staging", "held"
PARTS = ("cells", "samples", "outcomes", "attempts", HELD)
"""The folders of every run."""


@dataclass(frozen=True)
class Run:
    """A run's folder for reading; `Store.writing` yields one for writing."""

    folder: Path

    @property
    def info(self) -> RunInfo:
        """The content of run.json; raises StoreError if it cannot be read."""
        return read_document(self.folder / "run.json", RunInfo, what="run", newest=SCHEMA)

    def record(self, key: str) -> Record | None:
        """The record of a cell, or None if it has none yet."""
        path = self.folder / "cells" / f"{key}.json"
        return read_record(path) if path.exists() else None

    def finished(self, key: str) -> Record | None:
        """The cell's record if its outcome is ok, else its pending record (not yet timed), else None."""
        record, held = self.record(key), self.held(key)
        if record is not None and record.outcome == "ok":
            return record
        return read_record(held / "record.json") if held is not None else None

    def records(self) -> list[Record]:
        """The records of the suite's cells as last run, in the suite's order.

        Records of earlier commands with another `--limit` or other overrides are `earlier_records`. A
        run.json without a list of cells predates that list; then all records are returned here.
        """
        order = {cell.key: place for place, cell in enumerate(self.info.cells)}
        found = [read_record(path) for key, path in self._files() if key in order or not order]
        return sorted(found, key=lambda record: order.get(record.key, len(order)))

    def earlier_records(self) -> list[Record]:
        """The records of cells that are not in the suite as last run; they are not checked or compared."""
        planned = {cell.key for cell in self.info.cells}
        return [read_record(path) for key, path in self._files() if planned and key not in planned]

    def _files(self) -> list[tuple[str, Path]]:
        """Key and file of each record, sorted by key."""
        folder = self.folder / "cells"
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208, names alone
        except OSError as error:
            raise StoreError(
                f"{folder}: the run's records cannot be read ({error.strerror or error}).\n"
                "  Restore the folder from a backup, or run the suite again."
            ) from error
        return [(name.removesuffix(".json"), folder / name) for name in names]

    def commit(self, record: Record, staged: Path) -> Record:
        """Store a record and the files it names; return the record as written.

        The record is written after its files, so a record on disk always has them. An earlier failed
        record moves to `attempts`. Raises StoreError if writing fails.
        """
        target = self.folder / "cells" / f"{record.key}.json"
        try:
            attachments = tuple(self._keep(item, staged) for item in record.attachments)
            record = record.model_copy(update={"attachments": attachments})
            if target.exists():
                self._set_aside(target)
            write_whole(target, record.model_dump_json(indent=1).encode() + b"\n")
        except OSError as error:
            raise unwritable(target, error) from error
        return record

    def held(self, key: str) -> Path | None:
        """The folder of a pending cell (scored, not yet timed), or None."""
        folder = self.folder / HELD / key
        return folder if folder.exists() else None

    def hold(self, record: Record, staged: Path) -> None:
        """Store a pending record, with everything in its staging folder."""
        self._move(staged, self.folder / HELD / record.key, record)

    def hold_round(self, key: str, number: int, staged: Path) -> None:
        """Store the files of one timing round of a pending cell."""
        self._move(staged, self.folder / HELD / key / f"round-{number}", None)

    def release(self, key: str) -> None:
        """Delete a cell's pending files once its record is written."""
        shutil.rmtree(self.folder / HELD / key, ignore_errors=True)  # the next start deletes leftovers

    def _move(self, staged: Path, target: Path, record: Record | None) -> None:
        try:
            if record is not None:
                write_whole(staged / "record.json", record.model_dump_json().encode())
            for path in staged.iterdir():
                sync(path)
            sync(staged)
            staged.replace(target)
            sync(target.parent)
        except OSError as error:
            raise unwritable(target, error) from error

    def table(self, record: Record, item: Attachment) -> pa.Table:
        """An attachment's rows; raises StoreError if the file is missing, changed or not valid Parquet."""
        return StoredFile(self, record, item).table()

    def _keep(self, item: Attachment, staged: Path) -> Attachment:
        source = staged / Path(item.file).name
        target = self.folder / item.kind / source.name
        target.parent.mkdir(exist_ok=True)
        sync(source)
        digest = sha256_of_file(source)
        source.replace(target)
        sync(target.parent)
        return item.model_copy(update={"file": f"{item.kind}/{target.name}", "sha256": digest})

    def _set_aside(self, path: Path) -> None:
        tries = len(list((self.folder / "attempts").glob(f"{path.stem}-*.json")))
        write_whole(self.folder / "attempts" / f"{path.stem}-{tries + 1}.json", path.read_bytes())


@dataclass(frozen=True)
class Store:
    """All runs below one folder, `results` by default."""

    root: Path

    @property
    def checkpoints(self) -> Path:
        """The folder of trained weights, shared by all runs."""
        return self.root / "checkpoints"

    def runs(self, suite: str | None = None) -> list[Run]:
        """All runs, or the runs of one suite, oldest first."""
        found = self.root.glob(f"{suite or '*'}/*/run.json")
        return [Run(path.parent) for path in sorted(found, key=lambda path: _by_number(path.parent.name))]

    def newest_damage(self, suite: str) -> str | None:
        """What is wrong with the newest run of a suite; None where it can be read, or there is none."""
        try:
            for run in self.runs(suite)[-1:]:
                run.info  # noqa: B018, reading it is the question
        except StoreError as error:
            return str(error)
        return None

    def find(self, name: str) -> Run:
        """A run by its folder, by `suite/run`, by `suite` (the newest), or by the run's name.

        Raises StoreError if there is none.
        """
        with suppress(OSError):  # the name can be too long for a file name
            if (Path(name) / "run.json").is_file():
                return Run(Path(name))
        runs = self.runs()
        for run in reversed(runs):
            if name in (
                f"{run.folder.parent.name}/{run.folder.name}",
                run.folder.name,
                run.folder.parent.name,
            ):
                return run
        raise StoreError(f'no run named "{name}".\n  See all: cvbench list runs')

    @contextmanager
    def writing(
        self,
        info: RunInfo,
        *,
        fresh: bool,
        whole: Sequence[PlannedCell] = (),
        continues: Callable[[Run], bool] = lambda _: True,
    ) -> Iterator[Run]:
        """The run to write into: the newest of this identity for which `continues` is true, else a new one.

        `fresh` always starts a new run. run.json becomes `info`, with the run's name and start. `whole` lists
        all cells of the suite that `info.cells` were selected from; cells that the run already has stay in
        its plan.

        Raises StoreError if the folder cannot be written and RunInUse if another process writes it, both
        before any work starts.
        """
        from filelock import FileLock, Timeout  # commands that only read runs start faster without it

        home = self.root / info.suite
        try:
            home.mkdir(parents=True, exist_ok=True)
            self.checkpoints.mkdir(exist_ok=True)
            write_whole(home / ".probe", b"")
            (home / ".probe").unlink()
            lock = FileLock(home / ".lock", timeout=0)
            lock.acquire()
        except OSError as error:
            if isinstance(error, Timeout):
                raise RunInUse(
                    f"{home}: another cvbench run is writing to this folder.\n"
                    "  Wait until it ends, or choose another folder with --out."
                ) from error
            raise StoreError(
                f"{home}: cannot write results ({error.strerror or error}).\n"
                "  Free disk space or change the permissions, or choose another folder with --out."
            ) from error
        try:
            same = [run for run in self.runs(home.name) if _identity(run) == info.identity]
            found = None if fresh else next(filter(continues, reversed(same)), None)
            yield self._open(home, info, found, whole)
        finally:
            lock.release()

    @staticmethod
    def _open(home: Path, info: RunInfo, same: Run | None, whole: Sequence[PlannedCell]) -> Run:
        if same is not None:
            run, created = same, same.info.created
            known = {cell.key for cell in (*info.cells, *run.info.cells)}
            kept = tuple(cell for cell in whole if cell.key in known)
            info = info.model_copy(update={"cells": kept or info.cells})
        else:
            now = datetime.now(UTC)
            run, created = Run(_unused(home, f"{now:%Y%m%d-%H%M%S}")), now.isoformat(timespec="seconds")
        try:
            for part in PARTS:
                (run.folder / part).mkdir(parents=True, exist_ok=True)
            _tidy(home, run)
            for folder in (run.folder / HELD).iterdir():
                if (run.folder / "cells" / f"{folder.name}.json").exists():
                    shutil.rmtree(folder)  # the process was killed before `release`
            (run.folder / STAGING).mkdir()
            content = info.model_copy(update={"run": run.folder.name, "created": created})
            write_whole(run.folder / "run.json", content.model_dump_json(indent=1).encode() + b"\n")
        except OSError as error:
            raise StoreError(f"{run.folder}: cannot be written ({error.strerror or error}).") from error
        return run

    @staticmethod
    def staging(run: Run) -> Path:
        """A new folder on the run's disk for a cell's files, which `Run.commit` moves into the run."""
        try:
            (run.folder / STAGING).mkdir(exist_ok=True)  # a model's code may have deleted it
            return Path(tempfile.mkdtemp(dir=run.folder / STAGING))
        except OSError as error:
            raise unwritable(run.folder / STAGING, error) from error


def read_record(path: Path) -> Record:
    """Read a record; raises StoreError with the file and the problem."""
    remedy = "Restore the file from a backup, or delete it and run the suite again."
    return read_document(path, Record, what="record", newest=SCHEMA, remedy=remedy)


def _identity(run: Run) -> str | None:
    """The run's identity; None if run.json cannot be read, so that the run is not resumed."""
    try:
        return run.info.identity
    except StoreError:
        return None


def _tidy(home: Path, run: Run) -> None:
    """Remove leftovers of killed runs; this process holds the lock of `home`."""
    shutil.rmtree(run.folder / STAGING, ignore_errors=True)
    for folder in (home, run.folder, run.folder / "cells", run.folder / "attempts"):
        sweep(folder)
    for other in home.iterdir():  # runs killed before run.json was written: empty folders only
        if other != run.folder and other.is_dir() and not (other / "run.json").exists():
            sweep(other)
            for empty in (*(other / part for part in (*PARTS, STAGING)), other):
                with suppress(OSError):
                    empty.rmdir()


def unwritable(target: Path, error: OSError) -> StoreError:
    """The error for a results file or folder that cannot be written."""
    return StoreError(
        f"{target}: cannot be written ({error.strerror or error}).\n"
        "  Finished results are safe. Free disk space, then run the same command again."
    )


def _by_number(name: str) -> list[str | int]:
    """Sort key: `…-2` before `…-10`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", name)]


def _unused(home: Path, name: str) -> Path:
    """`name`, with a number appended if two runs start in the same second."""
    folder, number = home / name, 2
    while folder.exists():
        folder, number = home / f"{name}-{number}", number + 1
    return folder
