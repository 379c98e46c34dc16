"""Validation of columns, values and metadata of each kind of attachment; see `docs/records.md`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from cvbench.record import Attachment, Record

_INTEGER, _REAL, _FLAG, _TEXT, _BYTES = "integers", "numbers", "booleans", "text", "bytes"
_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    _INTEGER: pa.types.is_integer,
    _REAL: lambda kind: pa.types.is_integer(kind) or pa.types.is_floating(kind),
    _FLAG: pa.types.is_boolean,
    _TEXT: lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind),
    _BYTES: lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
}


class FormError(Exception):
    """A table that does not fit its kind; the message names the column or the metadata key."""


def check_form(table: pa.Table, item: Attachment, record: Record) -> None:
    """Raise FormError unless the table fits the attachment's kind and its record."""
    twice = {name for name in table.column_names if table.column_names.count(name) > 1}
    if twice:
        raise FormError(f"column {min(twice)}: listed twice")
    about = metadata_of(table)
    match item.kind:
        case "samples":
            _samples(table, about, item.name)
        case "outcomes":
            _outcomes(table, about.get("protocol", ""), record)
        case "curves":
            _curves(table, about)
        case "confusion":
            _confusion(table, about)
        case "errors":
            _errors(table, about)
        case "pictures":
            _pictures(table, about)


def metadata_of(table: pa.Table) -> dict[str, str]:
    """The table's metadata; raises FormError unless it is UTF-8 text."""
    try:
        return {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    except UnicodeDecodeError as error:
        raise FormError(f"metadata: not UTF-8 ({error})") from error


def _samples(table: pa.Table, about: Mapping[str, str], title: str) -> None:
    own = set(table.column_names) - {"slice", "round", "valid"}
    if len(own) != 1:
        raise FormError(
            f"columns {', '.join(table.column_names)}: exactly one must hold the samples, not {len(own)}"
        )
    [name] = own
    series, _, at = title.partition("@")
    if at and (series, at) != (name, about.get("at", at)):
        raise FormError(f"column {name}, metadata at {about.get('at')!r}: does not belong to {title}")
    if not re.fullmatch(r"[0-9]{1,9}", about.get("warmup_calls", "0")):
        raise FormError(f"metadata warmup_calls: {about['warmup_calls']!r} is not a count")
    _plain(table, name, _REAL, least=0, below=1e100)
    for key, kind in (("slice", _INTEGER), ("round", _INTEGER), ("valid", _FLAG)):
        if key in table.column_names:
            _plain(table, key, kind, least=0, below=2**31)
    taken = _parsed(about.get("taken", "{}"), "taken")
    if not (
        isinstance(taken, dict)
        and isinstance(taken.get("counts", {}), dict)
        and all(type(count) is int for count in taken.get("counts", {}).values())
        and isinstance(taken.get("invalid"), str | None)
        and _are_texts(taken.get("cautions", []))
    ):
        raise FormError("metadata taken: not an object of the form in docs/records.md")


def _outcomes(table: pa.Table, protocol: str, record: Record) -> None:
    ids = _column(table, "id", _TEXT).to_pylist()
    if len(set(ids)) != len(ids):
        raise FormError("column id: an image is listed twice")
    classes = max((len(m.parts) for m in record.measurements if m.protocol == protocol), default=0)
    below = classes or 2**31
    if protocol.startswith("topk/"):
        _plain(table, "label", _INTEGER, least=0, below=below)
        _plain(table, "predicted", _INTEGER, least=0, below=2**31)
        for name in ("top1", "top5"):
            _plain(table, name, _FLAG, least=0, below=2)
    elif protocol.startswith("coco-2017/"):
        found, there = (_lists(table, name, _INTEGER, below=below) for name in ("label", "true_label"))
        _lists(table, "score", _REAL, like=found)
        _lists(table, "true_area", _REAL, like=there)
        _lists(table, "crowd", _FLAG, like=there, below=2)
        for prefix, objects in (("", found), ("true_", there)):
            _lists(table, f"{prefix}xywh", _REAL, like=4 * objects)
            if "/segm/" in protocol and f"{prefix}runs" in table.column_names:
                _runs(table, prefix, objects)
    elif protocol.startswith("voc"):
        found, there = (_lists(table, name, _INTEGER, below=below) for name in ("label", "true_label"))
        _lists(table, "score", _REAL, like=found)
        _lists(table, "corners", _REAL, like=4 * found)
        _lists(table, "true_corners", _REAL, like=4 * there)
        _lists(table, "difficult", _FLAG, like=there, below=2)
    elif protocol.startswith("miou/"):
        sizes = _lists(table, "hits", _INTEGER, below=2**53)
        wanted = classes or (sizes[0] if len(sizes) else 0)
        for name in ("hits", "predicted", "true"):
            _lists(table, name, _INTEGER, like=np.full(len(table), wanted, np.int64), below=2**53)


def _runs(table: pa.Table, prefix: str, objects: np.ndarray) -> None:
    """Check the run lengths of all masks of an image, and the start of each mask's runs."""
    runs = _lists(table, f"{prefix}runs", _INTEGER, below=2**32)
    _lists(table, f"{prefix}run_starts", _INTEGER, like=objects + 1)
    if not len(objects):
        return
    starts = _flat(table, f"{prefix}run_starts").astype(np.int64)
    last = np.cumsum(objects + 1) - 1
    rises = np.diff(starts, prepend=0) >= 0
    rises[last[:-1] + 1] = True  # where an image begins
    if not (rises.all() and (starts[last - objects] == 0).all() and (starts[last] == runs).all()):
        raise FormError(f"column {prefix}run_starts: the offsets do not fit {prefix}runs")


def _curves(table: pa.Table, about: Mapping[str, str]) -> None:
    _plain(table, "label", _INTEGER, least=0, below=len(_classes(about)))
    _plain(table, "iou", _REAL)
    for name in ("recall", "precision"):
        values = _plain(table, name, _REAL)
        if len(values) and not 0 <= values.min() <= values.max() <= 1:
            raise FormError(f"column {name}: a value is not between 0 and 1")
    if "score" in table.column_names:
        _plain(table, "score", _REAL)


def _confusion(table: pa.Table, about: Mapping[str, str]) -> None:
    for name in ("true", "predicted"):
        _plain(table, name, _INTEGER, least=0, below=len(_classes(about)) + 1)
    _plain(table, "count", _INTEGER, least=0, below=2**53)
    if "score" in about:
        _number(about, "score")


def _errors(table: pa.Table, about: Mapping[str, str]) -> None:
    _column(table, "kind", _TEXT)
    _plain(table, "cost", _REAL)
    _plain(table, "count", _INTEGER, least=0, below=2**53)
    _number(about, "ap50")


def _pictures(table: pa.Table, about: Mapping[str, str]) -> None:
    classes = len(_classes(about))
    _column(table, "id", _TEXT)
    _plain(table, "quality", _REAL)
    for name in ("width", "height"):
        _plain(table, name, _INTEGER, least=1, below=2**31)
    _column(table, "picture", _BYTES)
    labels = {
        name: _lists(table, name, _INTEGER, below=classes, nullable=True) for name in ("true_label", "label")
    }
    _lists(table, "score", _REAL, like=labels["label"], nullable=True)
    for name, objects in (("true_corners", labels["true_label"]), ("corners", labels["label"])):
        sides = _lists(table, name, _REAL, nullable=True)
        if (sides[sides >= 0] != 4 * objects[sides >= 0]).any():
            raise FormError(f"column {name}: an image does not have four numbers per label")
    maps = [_is_given(table, name, _BYTES) for name in ("true_map", "map")]
    boxes = [_is_given(table, name, None) for name in ("true_corners", "corners")]
    if (maps[0] != maps[1]).any() or (boxes[0] != boxes[1]).any():
        raise FormError("columns map and corners: an image has a prediction without a truth, or vice versa")
    if (~maps[0] & (labels["label"] < 0)).any() or (~maps[0] & ~boxes[0] & (labels["true_label"] < 1)).any():
        raise FormError("columns label and true_label: an image has no label")


def _column(table: pa.Table, name: str, kind: str | None, *, nullable: bool = False) -> Any:
    """A column as one array, of the type `kind` and, unless `nullable`, without nulls."""
    if name not in table.column_names:
        raise FormError(f"column {name}: missing")
    pieces = table.column(name)
    array = pieces.chunk(0) if pieces.num_chunks == 1 else pa.concat_arrays(pieces.chunks or [pa.nulls(0)])
    if kind is not None and not (_TYPES[kind](array.type) or pa.types.is_null(array.type)):
        raise FormError(f"column {name}: {array.type} is not {kind}")
    if array.null_count and not nullable:
        raise FormError(f"column {name}: a value is null")
    return array


def _plain(
    table: pa.Table, name: str, kind: str, *, least: float = -math.inf, below: float = math.inf
) -> np.ndarray:
    """A column of finite numbers from `least` to below `below`."""
    values = _array(_column(table, name, kind))
    _check_range(name, values, least, below)
    return values


def _lists(
    table: pa.Table,
    name: str,
    kind: str,
    *,
    like: np.ndarray | None = None,
    below: float = math.inf,
    nullable: bool = False,
) -> np.ndarray:
    """Length of each row's list, -1 for null; values must be finite, and integers from 0 to below `below`."""
    array = _column(table, name, None, nullable=nullable)
    if pa.types.is_null(array.type):
        sizes = np.full(len(array), -1, np.int64)
    else:
        if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
            raise FormError(f"column {name}: {array.type} is not lists of {kind}")
        flat = array.flatten()
        if not (_TYPES[kind](flat.type) or pa.types.is_null(flat.type)):
            raise FormError(f"column {name}: {array.type} is not lists of {kind}")
        if flat.null_count:
            raise FormError(f"column {name}: a value is null")
        _check_range(name, _array(flat), -math.inf if kind == _REAL else 0, below)
        found = array.value_lengths()
        if array.null_count:  # pyarrow's functions that fill nulls import pandas
            sizes = np.array([-1 if n is None else n for n in found.to_pylist()], np.int64)
        else:
            sizes = _array(found).astype(np.int64)
    if like is not None and not np.array_equal(sizes, like):
        row = int(np.flatnonzero(sizes != like)[0])
        raise FormError(f"column {name}: row {row} has {sizes[row]} values, not {like[row]}")
    return sizes


def _is_given(table: pa.Table, name: str, kind: str | None) -> np.ndarray:
    return np.array(_column(table, name, kind, nullable=True).is_valid().to_pylist(), np.bool_)


def _flat(table: pa.Table, name: str) -> np.ndarray:
    return _array(_column(table, name, None).flatten())


def _array(array: pa.Array) -> np.ndarray:
    """The values without a copy; pyarrow's `to_numpy` imports pandas."""
    if not len(array) or pa.types.is_null(array.type):
        return np.zeros(0)
    if pa.types.is_boolean(array.type):
        return np.array(array.to_pylist(), np.bool_)
    dtype = np.dtype(array.type.to_pandas_dtype())
    return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * dtype.itemsize)


def _check_range(name: str, values: np.ndarray, least: float, below: float) -> None:
    if not len(values):
        return
    if not np.isfinite(values).all():
        raise FormError(f"column {name}: a value is not finite")
    low, high = values.min(), values.max()
    if low < least or high >= below:
        raise FormError(f"column {name}: {low if low < least else high} is out of range")


def _given(about: Mapping[str, str], key: str) -> str:
    if key not in about:
        raise FormError(f"metadata {key}: missing")
    return about[key]


def _number(about: Mapping[str, str], key: str) -> None:
    text = _given(about, key)
    try:
        sound = math.isfinite(float(text))
    except ValueError:
        sound = False
    if not sound:
        raise FormError(f"metadata {key}: {text!r} is not a number")


def _classes(about: Mapping[str, str]) -> list[str]:
    names = _parsed(_given(about, "classes"), "classes")
    if not _are_texts(names):
        raise FormError("metadata classes: not a list of names")
    return list(names)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _parsed(text: str, key: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormError(f"metadata {key}: not valid JSON ({error})") from error
