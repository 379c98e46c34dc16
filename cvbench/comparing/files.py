"""A run's raw material, read back and made sure of: outcomes and samples are what the record names."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool

from cvbench.errors import StoreError
from cvbench.record import Attachment, Record
from cvbench.store import Run


def attachment(record: Record, kind: str, name: str) -> Attachment | None:
    """The file of a record with this kind and name, or None."""
    return next((item for item in record.attachments if (item.kind, item.name) == (kind, name)), None)


def read_table(run: Run, record: Record, item: Attachment) -> pa.Table:
    """The file's content; raises StoreError where it is gone, changed, or lies elsewhere."""
    path = run.folder / item.file

    def refusal(why: str) -> StoreError:
        return StoreError(f"{path}: {item.kind} {item.name} of {record.cell.title}: {why}")

    if item.file.startswith("/") or ".." in item.file.split("/"):
        raise refusal("it lies outside the run's folder.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise refusal(f"it cannot be read ({error.strerror or error}).") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != item.sha256:
        raise refusal(
            f"it is not the file that was recorded: its SHA-256 is {digest[:12]}…, and the record "
            f"says {item.sha256[:12]}….\n  Copy it anew, or run the cell again: cvbench run --fresh"
        )
    try:
        return pq.ParquetFile(pa.BufferReader(content), pre_buffer=False).read(use_threads=False)
    except pa.ArrowException as error:
        raise refusal(f"it is no Parquet file ({error}).") from error


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
    return _numpy(table.column(name).combine_chunks())


def flat(table: pa.Table, name: str) -> Any:
    """A column of lists, behind one another, as a NumPy array."""
    return _numpy(table.column(name).combine_chunks().flatten())


def lengths(table: pa.Table, name: str) -> Any:
    """How long each row's list is."""
    return _numpy(table.column(name).combine_chunks().value_lengths()).astype(np.int64)


def _numpy(array: pa.Array) -> Any:
    """The values, without a copy where they are numbers; pyarrow's own way would import pandas."""
    kind = array.type
    if pa.types.is_primitive(kind) and not pa.types.is_boolean(kind) and not array.null_count:
        dtype = np.dtype(kind.to_pandas_dtype())
        return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * dtype.itemsize)
    return np.array(array.to_pylist())
