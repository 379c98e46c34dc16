"""Rows of numbers straight from the text of a JSON list, without an object for each entry.

What is read is a part of JSON, and of that everything is checked: a text that is read here means what any
decoder would take it for. Whatever is beyond it (a field that is missing, there twice, or of another
type; an escape; a number too long to be sure of its last bit) is refused as a whole, and left to a
decoder that can say what is wrong.

Several threads read at once, each from where an entry seems to begin. That one does begin there is known
when the piece before has been read up to exactly that place.
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
"""Bytes from which on this is faster than a decoder, though kernels have to be loaded for it."""

PIECE = 1 << 22
"""Bytes that a thread reads at a time."""


class FieldKind(IntEnum):
    """What a field holds."""

    WHOLE = json_parser.WHOLE
    """A whole number of at most 18 digits."""
    REAL = json_parser.REAL
    """Any number."""
    BOX = json_parser.BOX
    """A list of four numbers; one field at most."""


class _Piece(NamedTuple):
    columns: Columns
    end: int


def read_list(content: bytes, fields: Mapping[str, FieldKind]) -> Columns | None:
    """The entries of a text that is a list; None where it is refused, empty, or short.

    Every entry has to have all of the fields, and may have others. Columns are in the order of the fields.
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
    """Where the next thing stands."""
    space = _SPACE.match(content, at)
    assert space is not None  # none is space too
    return space.end()


_SPACE = re.compile(rb"[ \t\n\r]*")


def _bounds(content: bytes, first: int) -> list[int]:
    """Where pieces begin, each at what seems to be an entry, and where the last one ends."""
    bounds = [first]
    while (between := _BETWEEN.search(content, bounds[-1] + PIECE)) is not None:
        bounds.append(between.end() - 1)
    return [*bounds, len(content)]


_BETWEEN = re.compile(rb"\}\s{0,99},\s{0,99}\{")


@cache
def _powers() -> Powers:
    return json_parser.powers_of_five()


def _fields(fields: Mapping[str, FieldKind]) -> Fields:
    """The fields as the kernel takes them."""
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
