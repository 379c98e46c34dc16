"""Columns of an attachment's table as NumPy arrays, and the rows that two tables have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from cvbench.boxes.array_types import Bool
from cvbench.errors import InputError


def common_rows(a: pa.Table, b: pa.Table) -> tuple[Bool[np.ndarray, " a"], Bool[np.ndarray, " b"]]:
    """Which rows of each table belong to images that are in both.

    Raises InputError if their order differs.
    """
    ids_a, ids_b = a.column("id").to_pylist(), b.column("id").to_pylist()
    if ids_a == ids_b:
        return np.ones(len(ids_a), np.bool_), np.ones(len(ids_b), np.bool_)
    both = set(ids_a) & set(ids_b)
    if [i for i in ids_a if i in both] != [i for i in ids_b if i in both]:
        raise InputError(
            "The two runs list their images in different orders.\n"
            "  Run one of them again: cvbench run SUITE --fresh"
        )
    return np.array([i in both for i in ids_a], np.bool_), np.array([i in both for i in ids_b], np.bool_)


def rows(table: pa.Table, chosen: Bool[np.ndarray, " n"]) -> pa.Table:
    """The chosen rows."""
    return table if chosen.all() else table.filter(pa.array(chosen))


def column(table: pa.Table, name: str) -> Any:
    """A column as a NumPy array."""
    return _numpy(_whole(table, name))


def flat(table: pa.Table, name: str) -> Any:
    """A column of lists, concatenated, as a NumPy array."""
    return _numpy(_whole(table, name).flatten())


def lengths(table: pa.Table, name: str) -> Any:
    """The length of each row's list."""
    return _numpy(_whole(table, name).value_lengths()).astype(np.int64)


def _whole(table: pa.Table, name: str) -> Any:
    """A column in one chunk, without a copy if possible."""
    pieces = table.column(name)
    return pieces.chunk(0) if pieces.num_chunks == 1 else pieces.combine_chunks()


def _numpy(array: pa.Array) -> Any:
    """The values, without a copy for numbers; pyarrow's own conversion imports pandas."""
    kind = array.type
    if pa.types.is_primitive(kind) and not pa.types.is_boolean(kind) and not array.null_count:
        dtype = np.dtype(kind.to_pandas_dtype())
        return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * dtype.itemsize)
    return np.array(array.to_pylist())
