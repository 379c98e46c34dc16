"""Records as one pandas DataFrame: a row a cell, a column a figure. Failed cells are rows too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from cvbench.compare.seeds import titles
from cvbench.errors import StoreError
from cvbench.record import AttachmentKind, Record, RunInfo
from cvbench.spec.catalogue import known_task
from cvbench.store import Run, Store, StoredFile


def to_frame(records: Iterable[Record]) -> pd.DataFrame:
    """One row a record, in the order given.

    A figure `AP50` fills the columns `AP50`, `AP50/low` and `AP50/high` (its 95 % interval); one that
    was measured under a condition has it in its name: `throughput@batch=32`. A figure that is
    missing is NaN here, with its reason in `AP50/missing`. Units are those of the record: seconds,
    bytes, fractions.
    """
    several = list(records)
    named = zip(several, titles(several, shown=_COLUMNS), strict=True)
    return pd.DataFrame([_row(record, title) for record, title in named])


def task_of(record: Record) -> str:
    """The task of a record's model; `unknown` for a model that this version does not know."""
    return known_task(record.cell.model) or "unknown"


_COLUMNS = (
    "data", "split", "limit", "precision", "layout", "compile", "engine", "cuda graphs", "seed",
)  # fmt: skip
"""Settings that have a column of their own."""


def _row(record: Record, title: str) -> dict[str, Any]:
    cell, artifact = record.cell, record.artifact
    row: dict[str, Any] = {
        "key": record.key,
        "model": title,
        "task": task_of(record),
        "data": cell.data.name,
        "split": cell.data.split,
        "limit": cell.data.limit,
        "precision": cell.runtime.precision,
        "layout": cell.runtime.layout,
        "compile": cell.runtime.compile,
        "engine": cell.runtime.engine or "torch",
        "cuda_graphs": bool(cell.runtime.cuda_graphs),
        "device": record.environment.hard.get("gpu") or record.environment.hard.get("cpu"),
        "seed": cell.seed,
        "outcome": record.outcome,
        "reason": record.reason,
        "parameters": artifact.parameters if artifact else None,
        "macs": artifact.macs if artifact else None,
        "weights": artifact.source if artifact else None,
        "skipped_samples": len(record.skipped_samples),
        "wall_s": record.wall_s,
    }
    for stage, spent in record.spent.items():
        row[f"spent/{stage}"] = spent
    for figure in record.measurements:
        name = f"{figure.name}@{figure.at}" if figure.at else figure.name
        row[name] = figure.value
        if figure.interval is not None:
            row[f"{name}/low"], row[f"{name}/high"] = figure.interval
        if figure.missing is not None:
            row[f"{name}/missing"] = figure.missing
    return row


@dataclass(frozen=True, eq=False)
class Attached:
    """The table of one attachment, and what its metadata says."""

    file: StoredFile
    table: pa.Table

    @property
    def name(self) -> str:
        """Which measurement or metric it belongs to."""
        return self.file.item.name

    @property
    def about(self) -> dict[str, str]:
        """The table's metadata."""
        return {key.decode(): value.decode() for key, value in (self.table.schema.metadata or {}).items()}

    @property
    def classes(self) -> list[str]:
        """Class names in label order."""
        return [str(name) for name in json.loads(self.about.get("classes", "[]"))]

    def columns(self) -> dict[str, list[Any]]:
        """All columns as lists."""
        columns: dict[str, list[Any]] = self.table.to_pydict()
        return columns


@dataclass(frozen=True)
class Source:
    """A run, as a report shows it."""

    run: Run
    info: RunInfo
    records: tuple[Record, ...]
    _damaged: dict[str, dict[str, None]] = field(default_factory=dict, compare=False, repr=False)
    """Key of a record → what is wrong with its files, in the order in which it was noticed."""

    def attached(self, record: Record, kind: AttachmentKind) -> list[Attached]:
        """The tables of a record's attachments of a kind.

        A file that is missing is left out, and so is one that is damaged: `damage` then names it.
        """
        found = []
        for item in record.attachments:
            file = StoredFile(self.run, record, item)
            try:
                if item.kind == kind and file.path.exists():
                    found.append(Attached(file, file.table()))
            except StoreError as error:
                self.set_aside(record, error)
        return found

    def set_aside(self, record: Record, error: StoreError) -> None:
        """Remember that a file of a record is damaged: the rest of the report goes on without it."""
        self._damaged.setdefault(record.key, {})[str(error)] = None

    def damage(self, record: Record) -> list[str]:
        """What is wrong with the files of a record that were asked for: each file, its fault and a remedy."""
        return list(self._damaged.get(record.key, {}))

    @property
    def name(self) -> str:
        """How it is told from other runs: suite and run."""
        return f"{self.info.suite or '?'}/{self.info.run or self.run.folder.name}"


def read_sources(store: Store, names: Sequence[str]) -> tuple[Source, ...]:
    """The named runs, each once, in order.

    Raises StoreError for a name that is no run, for a run that cannot be read or was written by a newer
    cvbench, and where none of them has a finished cell.
    """
    runs = dict.fromkeys(store.find(name) for name in names)
    sources = tuple(Source(run, run.info, tuple(run.records())) for run in runs)
    if not any(source.records for source in sources):
        folders = ", ".join(str(source.run.folder) for source in sources)
        raise StoreError(
            f"{folders}: no cell is finished there, so there is nothing to report.\n"
            "  Give the command that began the run again: it continues."
        )
    return sources


def all_records(sources: Sequence[Source]) -> list[Record]:
    """The records of all runs, run by run."""
    return [record for source in sources for record in source.records]
