"""Fast reader of a JSON list of objects into columns of numbers, without a Python object per entry.

It supports a subset of JSON and validates it completely: text that it accepts has the same meaning for any
JSON decoder. Anything else (a missing field, a duplicate field or one of another type; an escape; a number
too long for exact rounding) makes it refuse the whole text, and a general decoder then reports the problem.

Several threads parse pieces in parallel. Each piece starts where an entry seems to start; the guess is
confirmed when the previous piece ends exactly there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cvbench.boxes.threads import in_threads
from cvbench.metrics.files import json_parser
from cvbench.metrics.files.json_parser import Columns, Fields, Powers, entries

WORTH_IT = 1 << 20
"""Minimum size in bytes; for smaller files, loading the kernels takes longer than a general decoder."""

PIECE = 1 << 22
"""Bytes per piece."""


class FieldKind(IntEnum):
    """The type of a field."""

    WHOLE = json_parser.WHOLE
    """A whole number of at most 18 digits."""
    REAL = json_parser.REAL
    """Any number."""
    BOX = json_parser.BOX
    """A list of four numbers; at most one field."""


class _Piece(NamedTuple):
    columns: Columns
    end: int


def read_list(content: bytes, fields: Mapping[str, FieldKind]) -> Columns | None:
    """The columns of a JSON list of objects; None if it is refused, empty or short.

    Every entry must have all `fields` and can have others. Columns are in the order of `fields`.
    """
    text = np.frombuffer(content, np.uint8)
    start = _past_space(content, 0)
    if len(content) < WORTH_IT or content[start : start + 1] != b"[":
        return None
    wanted = _fields(fields)
    shortest = sum(len(f'"{name}":0,') for name in fields)

    def read(piece: tuple[int, int]) -> _Piece:
        columns = _empty(fields, (piece[1] - piece[0]) // shortest + 2)
        n, end = entries(text, *piece, wanted, _powers(), columns)
        return _Piece(Columns(columns.whole[:, :n], columns.real[:, :n], columns.box[:n]), end)

    bounds = _bounds(content, _past_space(content, start + 1))
    found = []
    for piece, bound in zip(in_threads(read, pairwise(bounds)), bounds[1:], strict=True):
        found.append(piece.columns)
        if piece.end >= 0 and content[piece.end : piece.end + 1] == b"]":
            return _joined(found) if _past_space(content, piece.end + 1) == len(content) else None
        if piece.end != bound:
            return None
    return None


def _past_space(content: bytes, at: int) -> int:
    """Position of the next token."""
    space = _SPACE.match(content, at)
    assert space is not None  # an empty match is possible
    return space.end()


_SPACE = re.compile(rb"[ \t\n\r]*")


def _bounds(content: bytes, first: int) -> list[int]:
    """Starts of the pieces, each at a presumed entry, and the end of the last piece."""
    bounds = [first]
    while (between := _BETWEEN.search(content, bounds[-1] + PIECE)) is not None:
        bounds.append(between.end() - 1)
    return [*bounds, len(content)]


_BETWEEN = re.compile(rb"\}\s{0,99},\s{0,99}\{")


@cache
def _powers() -> Powers:
    return json_parser.powers_of_five()


def _fields(fields: Mapping[str, FieldKind]) -> Fields:
    """The fields in the kernel's format."""
    names, forms = [name.encode() for name in fields], list(fields.values())
    return Fields(
        np.frombuffer(b"".join(names), np.uint8),
        np.cumsum([0, *map(len, names)]),
        np.array(forms, np.int64),
        np.array([forms[:i].count(form) for i, form in enumerate(forms)]),
    )


def _empty(fields: Mapping[str, FieldKind], room: int) -> Columns:
    forms = list(fields.values())
    return Columns(
        np.empty((forms.count(FieldKind.WHOLE), room), np.int64),
        np.empty((forms.count(FieldKind.REAL), room), np.float64),
        np.empty((room if FieldKind.BOX in forms else 0, 4), np.float64),
    )


def _joined(pieces: Sequence[Columns]) -> Columns:
    whole, real, box = zip(*pieces, strict=True)
    return Columns(np.concatenate(whole, axis=1), np.concatenate(real, axis=1), np.concatenate(box))
