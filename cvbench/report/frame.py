"""Records as one pandas DataFrame: one row per cell, failed ones included, one column per measurement."""

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
    """One row per record, in the order given.

    A measurement `AP50` fills the columns `AP50`, `AP50/low` and `AP50/high` (its 95 % interval). A condition
    is part of the name: `throughput@batch=32`. A missing value is NaN, with its reason in `AP50/missing`.
    Units are seconds, bytes and fractions.
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
"""Settings with a column of their own, which titles leave out."""


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
        if figure.interval_missing is not None:
            row[f"{name}/interval_missing"] = figure.interval_missing
        if figure.effective_n is not None:
            row[f"{name}/effective_n"] = figure.effective_n
        if figure.missing is not None:
            row[f"{name}/missing"] = figure.missing
    return row


@dataclass(frozen=True, eq=False)
class Attached:
    """The table of one attachment, with its metadata."""

    file: StoredFile
    table: pa.Table

    @property
    def name(self) -> str:
        """The measurement or metric it belongs to."""
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
    """A run with its records, as a report reads it."""

    run: Run
    info: RunInfo
    records: tuple[Record, ...]
    _damaged: dict[str, dict[str, None]] = field(default_factory=dict, compare=False, repr=False)
    """Key of a record → faults of its files, in the order they were found."""

    def attached(self, record: Record, kind: AttachmentKind) -> list[Attached]:
        """The tables of a record's attachments of a kind.

        A missing file is left out, and so is a damaged one, which `damage` then lists.
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
        """Note that a file of a record is damaged; the report is made without it."""
        self._damaged.setdefault(record.key, {})[str(error)] = None

    def damage(self, record: Record) -> list[str]:
        """The faults found so far in the files of a record: each with the file and a remedy."""
        return list(self._damaged.get(record.key, {}))

    @property
    def name(self) -> str:
        """Suite and run, as `suite/run`."""
        return f"{self.info.suite or '?'}/{self.info.run or self.run.folder.name}"


def read_sources(store: Store, names: Sequence[str]) -> tuple[Source, ...]:
    """The named runs, each once, in order.

    Raises StoreError for a name without a run, for a run that cannot be read or was written by a newer
    cvbench, and where no run has a finished cell.
    """
    runs = dict.fromkeys(store.find(name) for name in names)
    sources = tuple(Source(run, run.info, tuple(run.records())) for run in runs)
    if not any(source.records for source in sources):
        folders = ", ".join(str(source.run.folder) for source in sources)
        raise StoreError(
            f"{folders}: no cell is finished there, so there is nothing to report.\n"
            "  Run the same `cvbench run` command again to resume."
        )
    return sources


def all_records(sources: Sequence[Source]) -> list[Record]:
    """The records of all runs, run by run."""
    return [record for source in sources for record in source.records]
