"""Where records live: one folder a run, one immutable file a cell, written whole or not at all.

    <out>/<suite>/<run>/run.json            the run's RunInfo: suite, floors, machine, versions, start
                        cells/<key>.json    one Record each
                        samples/<key>…      raw timings, Parquet
                        outcomes/<key>…     per image, Parquet
                        curves/ … pictures/ the other kinds of Attachment, a folder each
                        attempts/<key>-<n>.json   records of earlier tries that did not end well
                        held/<key>/         cells that are scored and not timed yet
    <out>/checkpoints/                      trained weights, shared by all runs

A run is continued by whoever asks for the same suite on the same machine with the same code and the
same data folders: that is its `identity`. Where the files that its finished cells read have changed since,
a new run begins. One process at a time writes a suite's folder.
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
"""The folders that every run has."""


@dataclass(frozen=True)
class Run:
    """A run's folder, open for reading; `Store.writing` hands out one that may be written."""

    folder: Path

    @property
    def info(self) -> RunInfo:
        """The content of run.json; raises StoreError where it cannot be read."""
        return read_document(self.folder / "run.json", RunInfo, what="run", newest=SCHEMA)

    def record(self, key: str) -> Record | None:
        """The record of a cell, or None while there is none."""
        path = self.folder / "cells" / f"{key}.json"
        return read_record(path) if path.exists() else None

    def finished(self, key: str) -> Record | None:
        """The good record of a cell, or what is held of it for its rounds of timing; None without either."""
        record, held = self.record(key), self.held(key)
        if record is not None and record.outcome == "ok":
            return record
        return read_record(held / "record.json") if held is not None else None

    def records(self) -> list[Record]:
        """The records of the suite's cells as last run, in the suite's order.

        A folder keeps what earlier commands left: cells with another `--limit` or other overrides. These are
        `earlier_records`. A run.json without a list of cells predates that list: all records are the suite's.
        """
        order = {cell.key: place for place, cell in enumerate(self.info.cells)}
        found = [read_record(path) for key, path in self._files() if key in order or not order]
        return sorted(found, key=lambda record: order.get(record.key, len(order)))

    def earlier_records(self) -> list[Record]:
        """The records of cells that are not in the suite as last run; not judged and not compared."""
        planned = {cell.key for cell in self.info.cells}
        return [read_record(path) for key, path in self._files() if planned and key not in planned]

    def _files(self) -> list[tuple[str, Path]]:
        """Key and file of each record, by key."""
        folder = self.folder / "cells"
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208, names alone
        except OSError as error:
            raise StoreError(
                f"{folder}: the run's records cannot be read ({error.strerror or error}).\n"
                "  Restore the folder from a copy, or run the suite again."
            ) from error
        return [(name.removesuffix(".json"), folder / name) for name in names]

    def commit(self, record: Record, staged: Path) -> Record:
        """Keep a record and the files it names; returns it as it was written.

        Files first, the record last: a record on disk always has its files. An earlier record that
        did not end well moves to `attempts`. Raises StoreError where the disk refuses.
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
        """Where the findings of a cell lie that is scored and waits for its rounds of timing, or None."""
        folder = self.folder / HELD / key
        return folder if folder.exists() else None

    def hold(self, record: Record, staged: Path) -> None:
        """Keep a record that is not complete yet, with everything in its staging folder."""
        self._move(staged, self.folder / HELD / record.key, record)

    def hold_round(self, key: str, number: int, staged: Path) -> None:
        """Keep what a round of timing left of a cell that is held."""
        self._move(staged, self.folder / HELD / key / f"round-{number}", None)

    def release(self, key: str) -> None:
        """Forget what was held of a cell: its record is written."""
        shutil.rmtree(self.folder / HELD / key, ignore_errors=True)  # what is left goes at the next start

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
        """An attachment's rows; raises StoreError where the file is gone, changed, or not Parquet."""
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
        """Where trained weights are shared between runs."""
        return self.root / "checkpoints"

    def runs(self, suite: str | None = None) -> list[Run]:
        """Every run, or those of one suite, oldest first."""
        found = self.root.glob(f"{suite or '*'}/*/run.json")
        return [Run(path.parent) for path in sorted(found, key=lambda path: _by_number(path.parent.name))]

    def find(self, name: str) -> Run:
        """A run by its folder, by `suite/run`, by `suite` (the newest), or by a run's own name."""
        with suppress(OSError):  # of a name that is too long for a file, and may be a typing error
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
        raise StoreError(f'"{name}" is no run.\n  See all: cvbench list runs')

    @contextmanager
    def writing(
        self,
        info: RunInfo,
        *,
        fresh: bool,
        whole: Sequence[PlannedCell] = (),
        continues: Callable[[Run], bool] = lambda _: True,
    ) -> Iterator[Run]:
        """The run to write into: the newest of this identity that `continues`, or a new one where none does.

        With `fresh` it is a new one.

        Its run.json becomes `info`, with the run's name and start. `whole` are the cells of the suite that
        `info.cells` were chosen from: those of them that the run has already stay in its plan.

        Everything that can refuse does so here, before any work: a folder that cannot be written
        raises StoreError, one that another process writes raises RunInUse.
        """
        from filelock import FileLock, Timeout  # here: who only reads runs need not wait for it

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
                    f"{home}: another cvbench run is writing there.\n"
                    "  Wait until it ends, or name another folder with --out."
                ) from error
            raise StoreError(
                f"{home}: results cannot be written there ({error.strerror or error}).\n"
                "  Make room there, or name another folder with --out."
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
                    shutil.rmtree(folder)  # it was killed between a record and its tidying
            (run.folder / STAGING).mkdir()
            content = info.model_copy(update={"run": run.folder.name, "created": created})
            write_whole(run.folder / "run.json", content.model_dump_json(indent=1).encode() + b"\n")
        except OSError as error:
            raise StoreError(f"{run.folder}: cannot be written ({error.strerror or error}).") from error
        return run

    @staticmethod
    def staging(run: Run) -> Path:
        """A fresh folder on the run's own disk for a cell's files, moved in by `Run.commit`."""
        try:
            (run.folder / STAGING).mkdir(exist_ok=True)  # the code of a model may have taken it away
            return Path(tempfile.mkdtemp(dir=run.folder / STAGING))
        except OSError as error:
            raise unwritable(run.folder / STAGING, error) from error


def read_record(path: Path) -> Record:
    """A record from its file; raises StoreError that names the file and what is wrong with it."""
    remedy = "Restore the file from a copy; or delete it, and the same run makes it again."
    return read_document(path, Record, what="record", newest=SCHEMA, remedy=remedy)


def _identity(run: Run) -> str | None:
    """What a run is a run of; None where that cannot be read: it is no run to continue then."""
    try:
        return run.info.identity
    except StoreError:
        return None


def _tidy(home: Path, run: Run) -> None:
    """Remove what runs that were killed left behind; the lock of `home` is ours."""
    shutil.rmtree(run.folder / STAGING, ignore_errors=True)
    for folder in (home, run.folder, run.folder / "cells", run.folder / "attempts"):
        sweep(folder)
    for other in home.iterdir():  # killed before they were named: nothing but empty folders
        if other != run.folder and other.is_dir() and not (other / "run.json").exists():
            sweep(other)
            for empty in (*(other / part for part in (*PARTS, STAGING)), other):
                with suppress(OSError):
                    empty.rmdir()


def unwritable(target: Path, error: OSError) -> StoreError:
    """What to say of a file or folder of results that the disk refuses."""
    return StoreError(
        f"{target}: cannot be written ({error.strerror or error}).\n"
        "  What was finished before is safe. Make room, then give the same command again."
    )


def _by_number(name: str) -> list[str | int]:
    """For sorting: `…-2` stands before `…-10`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", name)]


def _unused(home: Path, name: str) -> Path:
    """`name`, or with a number behind it where two runs begin in one second."""
    folder, number = home / name, 2
    while folder.exists():
        folder, number = home / f"{name}-{number}", number + 1
    return folder
