"""A run's raw material, read back and made sure of: outcomes and samples are what the record names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cvbench.boxes.array_types import Bool
from cvbench.errors import StoreError
from cvbench.files import sha256_of_file
from cvbench.record import Attachment, AttachmentKind, Record
from cvbench.store import Run


def attachment(record: Record, kind: str, name: str) -> Attachment | None:
    """The file of a record with this kind and name, or None."""
    return next((item for item in record.attachments if (item.kind, item.name) == (kind, name)), None)


class Wanted(NamedTuple):
    """A file of a record of a run."""

    run: Run
    record: Record
    item: Attachment

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.run.folder / self.item.file

    def refusal(self, why: str) -> StoreError:
        """The error that names it."""
        return StoreError(
            f"{self.path}: {self.item.kind} {self.item.name} of {self.record.cell.title}: {why}"
        )


def read_table(run: Run, record: Record, item: Attachment) -> pa.Table:
    """The file's content; raises StoreError where it is gone, changed, or lies elsewhere."""
    return read_tables([Wanted(run, record, item)])[0]


def read_tables(wanted: Sequence[Wanted]) -> list[pa.Table]:
    """The contents of many files.

    All are read before the first is unpacked: small files take half the time so, for the processor keeps
    the code of each step at hand.
    """
    contents = [_content(one) for one in wanted]
    return [_table(one, content) for one, content in zip(wanted, contents, strict=True)]


def _content(wanted: Wanted) -> bytes:
    item = wanted.item
    if item.file.startswith("/") or ".." in item.file.split("/"):
        raise wanted.refusal("it lies outside the run's folder.")
    try:
        content = wanted.path.read_bytes()
    except OSError as error:
        raise wanted.refusal(f"it cannot be read ({error.strerror or error}).") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != item.sha256:
        raise wanted.refusal(
            f"it is not the file that was recorded: its SHA-256 is {digest[:12]}…, and the record "
            f"says {item.sha256[:12]}….\n  Copy it anew, or run the cell again: cvbench run --fresh"
        )
    return content


def _table(wanted: Wanted, content: bytes) -> pa.Table:
    try:
        return pq.ParquetFile(pa.BufferReader(content), pre_buffer=False).read(use_threads=False)
    except pa.ArrowException as error:
        raise wanted.refusal(f"it is no Parquet file ({error}).") from error


def common_rows(a: pa.Table, b: pa.Table) -> tuple[Bool[np.ndarray, " a"], Bool[np.ndarray, " b"]]:
    """Which rows of each table are of images that are in both; ids stand in the same order in each."""
    ids_a, ids_b = a.column("id").to_pylist(), b.column("id").to_pylist()
    if ids_a == ids_b:
        return np.ones(len(ids_a), np.bool_), np.ones(len(ids_b), np.bool_)
    both = set(ids_a) & set(ids_b)
    return np.array([i in both for i in ids_a], np.bool_), np.array([i in both for i in ids_b], np.bool_)


def rows(table: pa.Table, chosen: Bool[np.ndarray, " n"]) -> pa.Table:
    """The chosen rows."""
    return table if chosen.all() else table.filter(pa.array(chosen))


def column(table: pa.Table, name: str) -> Any:
    """A column as a NumPy array."""
    return _numpy(_whole(table, name))


def flat(table: pa.Table, name: str) -> Any:
    """A column of lists, behind one another, as a NumPy array."""
    return _numpy(_whole(table, name).flatten())


def lengths(table: pa.Table, name: str) -> Any:
    """How long each row's list is."""
    return _numpy(_whole(table, name).value_lengths()).astype(np.int64)


def _whole(table: pa.Table, name: str) -> Any:
    """A column in one piece, without a copy where it is in one already."""
    pieces = table.column(name)
    return pieces.chunk(0) if pieces.num_chunks == 1 else pieces.combine_chunks()


def _numpy(array: pa.Array) -> Any:
    """The values, without a copy where they are numbers; pyarrow's own way would import pandas."""
    kind = array.type
    if pa.types.is_primitive(kind) and not pa.types.is_boolean(kind) and not array.null_count:
        dtype = np.dtype(kind.to_pandas_dtype())
        return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * dtype.itemsize)
    return np.array(array.to_pylist())


@dataclass(frozen=True, eq=False)
class Attached:
    """One file's table and what its metadata says."""

    name: str
    table: pa.Table
    about: dict[str, str]

    @property
    def classes(self) -> list[str]:
        """Class names in label order."""
        return [str(name) for name in json.loads(self.about.get("classes", "[]"))]

    def columns(self) -> dict[str, list[Any]]:
        """All columns as lists."""
        columns: dict[str, list[Any]] = self.table.to_pydict()
        return columns


def attached(run: Run, record: Record, kind: AttachmentKind) -> list[Attached]:
    """All files of a kind that are there. Raises StoreError for one that is not what was written."""
    found = []
    for item in record.attachments:
        if item.kind == kind:
            table = _rows_of(run, item)
            if table is not None:
                meta = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
                found.append(Attached(item.name, table, meta))
    return found


def _rows_of(run: Run, item: Attachment) -> pa.Table | None:
    path = run.folder / item.file
    if not path.resolve().is_relative_to(run.folder.resolve()):
        raise StoreError(f"{run.folder}: a record names the file {item.file!r}, outside of its run.")
    if not path.exists():
        return None
    if sha256_of_file(path) != item.sha256:
        raise StoreError(
            f"{path}: this is not the file that was written (its SHA-256 differs from the record's).\n"
            "  Restore it, or delete it: then the report says that it is missing."
        )
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: this is no Parquet file ({error}).") from error
