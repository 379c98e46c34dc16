"""CSV tables with one row per image: detection of the header and of the columns' meaning.

A header is a first line with names. If numbers can be a header too (pandas writes 0,1,… for unnamed columns),
the number of lines in both files decides. Every deviation from `id,CLASS,…` and `id,label` becomes a note;
ambiguous tables are refused with a remedy.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cvbench.data.annotations.voc import read_text
from cvbench.errors import InputError

_IDS = frozenset(
    [
        "id",
        "ids",
        "image",
        "imageid",
        "img",
        "imgid",
        "imagename",
        "imagepath",
        "imagefile",
        "file",
        "filename",
        "filepath",
        "name",
        "path",
        "index",
        "idx",
        "key",
        "sample",
        "sampleid",
        "row",
        "rowid",
    ]
)
_LABELS = frozenset(
    [
        "label",
        "labels",
        "labelid",
        "target",
        "targets",
        "class",
        "classes",
        "classid",
        "classname",
        "classlabel",
        "category",
        "categoryid",
        "categoryname",
        "gt",
        "groundtruth",
        "truth",
        "true",
        "y",
        "ytrue",
    ]
)
_PREDICTED = frozenset(["pred", "prediction", "predicted", "predictedlabel", "ypred", "split", "fold"])
ID_NAMES = "id, image, image_id, file, filename, name, path, key or index"
LABEL_FORMS = (
    "labels must be in one column, or in two with the header id,label. Other names for id: "
    f"{ID_NAMES.removeprefix('id, ')}; other names for label: class, target, category or truth"
)


@dataclass(frozen=True)
class ImageTable:
    """Header and rows of a CSV file."""

    path: Path
    header: tuple[str, ...] | None
    rows: list[list[str]]

    def column(self, k: int) -> list[str]:
        """The cells of column `k`, without rows that are too short."""
        return [row[k] for row in self.rows if k < len(row)]


def read_rows(path: Path) -> list[list[str]]:
    """The cells of every non-blank line; InputError unless the file is comma-separated CSV."""
    text = read_text(path)
    if "\0" in text:
        raise InputError(f"{path}: not CSV: it contains a zero byte")
    try:
        rows = _split(text, ",")
    except csv.Error as error:
        raise InputError(f"{path}: not CSV: {error}") from error
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if separator in text and _divides(text, separator) and not _is_even(rows[:20]):
            raise InputError(
                f"{path}: the cells are separated by {name}. Write the table with comma separators and "
                "decimal points (pandas: to_csv(path, sep=',', decimal='.'))."
            )
    return [[cell.strip() for cell in row] for row in rows]


def _split(text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return [row for row in reader if any(cell.strip() for cell in row)]


def _divides(text: str, separator: str) -> bool:
    """Whether another separator splits the first lines into the same number of cells, more than one."""
    try:
        return _is_even(_split("\n".join(text.splitlines()[:20]), separator))
    except csv.Error:
        return False


def _is_even(rows: list[list[str]]) -> bool:
    return len({len(row) for row in rows}) == 1 and len(rows[0]) > 1


def plain(name: str) -> str:
    """A column name in lower case without punctuation: ImageId equals image_id."""
    return re.sub(r"[\W_]", "", name).lower()


def is_number(text: str) -> bool:
    """Whether a cell is a number; underscores, which only Python accepts, are not allowed."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def is_whole(text: str) -> bool:
    """Whether a cell is a non-negative integer."""
    return text.isascii() and text.isdecimal()


def is_index(name: str) -> bool:
    """Whether a column name is that of pandas' index column."""
    return not name or name.lower().startswith("unnamed:")


def counts_from(cells: Sequence[str]) -> int | None:
    """0 or 1 if the cells are consecutive integers from there, in any order; else None."""
    if not all(is_whole(cell) and len(cell) < 10 for cell in cells):
        return None
    numbers = sorted(map(int, cells))
    return next((base for base in (0, 1) if numbers == list(range(base, base + len(cells)))), None)


NONE, ONE, EITHER = (0,), (1,), (0, 1)
"""The possible numbers of header lines of a file."""


def score_headers(rows: list[list[str]]) -> tuple[int, ...]:
    """The possible numbers of header lines of a table of scores."""
    if not rows:
        return NONE
    first, *rest = rows[0]
    numbers = rest if not is_number(first) else rows[0]
    if not all(map(is_number, numbers)) or plain(first) in _IDS or is_index(first):
        return ONE
    if len(numbers) < 2 or counts_from(numbers) is None:
        return NONE
    whole_below = any(all(map(is_whole, row[-len(numbers) :])) for row in rows[1:])
    return ONE if len(numbers) > 2 and len(rows) > 1 and not whole_below else EITHER


def label_headers(path: Path, rows: list[list[str]], names: Sequence[str]) -> tuple[int, ...]:
    """The possible numbers of header lines of a table of labels."""
    if not rows:
        return NONE
    first = rows[0]
    known = any(plain(cell) in _IDS | _LABELS for cell in first) or (len(first) > 1 and is_index(first[0]))
    if len(first) > 1:
        return ONE if known else NONE
    if first[0] in names and not is_number(first[0]):
        if known:
            raise InputError(
                f"{path}: the first line, {first[0]}, is a class name but can also be a header. "
                "Write the labels in two columns with the header id,label."
            )
        return NONE
    if is_number(first[0]):
        return EITHER if first[0] == "0" else NONE
    return ONE


@dataclass(frozen=True)
class ScoreColumns:
    """The id column and the other columns, with notes."""

    ids: int | None
    others: tuple[int, ...]
    notes: tuple[str, ...]


def score_columns(table: ImageTable, classes: Sequence[str]) -> ScoreColumns:
    """The id column of a table of scores; the other columns are classes, in their order."""
    width = len(table.header or (table.rows[0] if table.rows else ()))
    header, path = table.header or ("",) * width, table.path
    notes = []
    index = bool(table.header) and is_index(header[0])
    named = [k for k in range(width) if _is_id(table, header, k)]
    if len(named) > 1:
        raise InputError(
            f"{path}: two id columns, {header[named[0]]} and {header[named[1]]}. Remove one of them."
        )
    ids = named[0] if named else None
    if ids is None and index:
        ids = 0
        notes.append(f"{path}: the first column has no name (pandas' index) and is read as ids.")
    elif index:
        notes.append(f"{path}: the first column has no name (pandas' index) and is ignored.")
    if ids is None and width > 1 and any(not is_number(cell) for cell in table.column(0)):
        texts = [cell for cell in table.column(0) if not is_number(cell)]
        if len(texts) == len(table.rows):
            ids = 0
            what = f"the column {header[0]}" if table.header else "the first column (no header)"
            notes.append(f"{path}: {what} contains text and is read as ids.")
    if ids is None:
        _refuse_numbering(table, width)
    others = tuple(k for k in range(width) if k != ids and not (k == 0 and index))
    for k in others:
        if plain(header[k]) in _LABELS | _PREDICTED and header[k] not in classes:
            raise InputError(
                f"{path}: the column {header[k]} is not a class. Keep only the ids and one column per class, "
                "or name the classes with --classes."
            )
    return ScoreColumns(ids, others, tuple(notes))


def _is_id(table: ImageTable, header: Sequence[str], k: int) -> bool:
    """Whether column `k` is an id column by its name; any but the first must also contain text."""
    return plain(header[k]) in _IDS and (k == 0 or not all(map(is_number, table.column(k))))


def _refuse_numbering(table: ImageTable, width: int) -> None:
    """Raise InputError if the first column looks like ids or an index without being named so."""
    first = table.column(0)
    if len(first) < 2 or width < 2 or not all(map(is_whole, first)) or len(set(first)) < len(first):
        return
    if all(any(not is_whole(cell) for cell in table.column(k)) for k in range(1, width)):
        what = f"the column {table.header[0]}" if table.header else "the first column"
        raise InputError(
            f"{table.path}: {what} contains distinct whole numbers, unlike the others: ids, an index, or "
            "scores? Name it id, or remove it."
        )


def label_columns(table: ImageTable, names: Sequence[str]) -> tuple[int | None, int, tuple[str, ...]]:
    """The id column (or None), the label column, and notes."""
    path, width = table.path, len(table.header or (table.rows[0] if table.rows else ()))
    if table.header is None:
        return _headless_columns(table, width, names)
    header, notes = table.header, []
    index = [0] if width > 1 and is_index(header[0]) else []
    ids = [k for k, name in enumerate(header) if plain(name) in _IDS]
    labels = [k for k, name in enumerate(header) if plain(name) in _LABELS]
    rest = [k for k in range(width) if k not in {*index, *ids}]
    if width == 1 or not labels:
        labels = [0] if width == 1 else rest
    if len(labels) != 1 or len(ids) > 1:
        raise InputError(f"{path}: {LABEL_FORMS}. The header is {','.join(header)}")
    [label] = labels
    ids = [k for k in ids if k != label]
    if index and not ids:
        notes.append(f"{path}: the first column has no name (pandas' index) and is read as ids.")
    unread = [header[k] or "the unnamed first one" for k in range(width) if k not in {*(ids or index), label}]
    if unread:
        notes.append(f"{path}: labels are in the column {header[label]}; ignored: {', '.join(unread)}.")
    return next(iter(ids or index), None), label, tuple(notes)


def _headless_columns(
    table: ImageTable, width: int, names: Sequence[str]
) -> tuple[int | None, int, tuple[str, ...]]:
    if width == 1:
        return None, 0, ()
    fits = [k for k in range(width) if table.rows and all(cell in names for cell in table.column(k))]
    if width != 2 or len(fits) != 1:
        raise InputError(f"{table.path}: {LABEL_FORMS}")
    [label] = fits
    which = ("second", "first") if label else ("first", "second")
    note = f"{table.path}: no header; the {which[0]} column is read as labels, the {which[1]} as ids."
    return 1 - label, label, (note,)
