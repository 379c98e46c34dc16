"""Tables of images in CSV files: which line is a header, and which column holds what.

Nothing is guessed in silence. A header is a first line that says names; where numbers may be one too, as
in what pandas writes of a table without names, the number of lines in both files decides. Whatever was
decided beyond the plain form `id,CLASS,…` and `id,label` is said in a note, and what remains ambiguous is
refused with the remedy.
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
    "labels are in one column, or in two with the header id,label. Ids may also be called "
    f"{ID_NAMES.removeprefix('id, ')}; labels also class, target, category or truth"
)


@dataclass(frozen=True)
class ImageTable:
    """The lines of a file without its header."""

    path: Path
    header: tuple[str, ...] | None
    rows: list[list[str]]

    def column(self, k: int) -> list[str]:
        """The cells of one column, of the lines that have it."""
        return [row[k] for row in self.rows if k < len(row)]


def read_rows(path: Path) -> list[list[str]]:
    """The cells of every line that is not blank; InputError where it is no CSV with commas."""
    text = read_text(path)
    if "\0" in text:
        raise InputError(f"{path}: not CSV: it holds a zero byte")
    try:
        rows = _split(text, ",")
    except csv.Error as error:
        raise InputError(f"{path}: not CSV: {error}") from error
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if separator in text and _divides(text, separator) and not _is_even(rows[:20]):
            raise InputError(
                f"{path}: its cells are separated by {name}. Write the table with commas between the cells "
                "and points in the numbers (pandas: to_csv(path, sep=',', decimal='.'))."
            )
    return [[cell.strip() for cell in row] for row in rows]


def _split(text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return [row for row in reader if any(cell.strip() for cell in row)]


def _divides(text: str, separator: str) -> bool:
    """Whether another separator divides the first lines into as many cells each, more than one."""
    try:
        return _is_even(_split("\n".join(text.splitlines()[:20]), separator))
    except csv.Error:
        return False


def _is_even(rows: list[list[str]]) -> bool:
    return len({len(row) for row in rows}) == 1 and len(rows[0]) > 1


def plain(name: str) -> str:
    """A column's name without case and signs, so that ImageId is image_id."""
    return re.sub(r"[\W_]", "", name).lower()


def is_number(text: str) -> bool:
    """Whether a cell is a number, as other programs write them too."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def is_whole(text: str) -> bool:
    """Whether a cell is written as a whole number from 0."""
    return text.isascii() and text.isdecimal()


def is_index(name: str) -> bool:
    """Whether a column's name is what pandas calls its index."""
    return not name or name.lower().startswith("unnamed:")


def counts_from(cells: Sequence[str]) -> int | None:
    """From where the cells count, in any order: 0 or 1; None where they do not."""
    if not all(is_whole(cell) and len(cell) < 10 for cell in cells):
        return None
    numbers = sorted(map(int, cells))
    return next((base for base in (0, 1) if numbers == list(range(base, base + len(cells)))), None)


NONE, ONE, EITHER = (0,), (1,), (0, 1)
"""How many header lines a file may have."""


def score_headers(rows: list[list[str]]) -> tuple[int, ...]:
    """How many of the first lines of a table of scores may be a header."""
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
    """How many of the first lines of a table of labels may be a header."""
    if not rows:
        return NONE
    first = rows[0]
    known = any(plain(cell) in _IDS | _LABELS for cell in first) or (len(first) > 1 and is_index(first[0]))
    if len(first) > 1:
        return ONE if known else NONE
    if first[0] in names and not is_number(first[0]):
        if known:
            raise InputError(
                f"{path}: its first line, {first[0]}, is the name of a class and may be a header too. "
                "Give the labels in two columns with the header id,label."
            )
        return NONE
    if is_number(first[0]):
        return EITHER if first[0] == "0" else NONE
    return ONE


@dataclass(frozen=True)
class ScoreColumns:
    """Which columns hold the ids and the rest, and what has to be said of that."""

    ids: int | None
    others: tuple[int, ...]
    notes: tuple[str, ...]


def score_columns(table: ImageTable, classes: Sequence[str]) -> ScoreColumns:
    """Where a table of scores has its ids; the other columns are classes, in their order."""
    width = len(table.header or (table.rows[0] if table.rows else ()))
    header, path = table.header or ("",) * width, table.path
    notes = []
    index = bool(table.header) and is_index(header[0])
    named = [k for k in range(width) if _is_id(table, header, k)]
    if len(named) > 1:
        raise InputError(f"{path}: has two columns of ids, {header[named[0]]} and {header[named[1]]}")
    ids = named[0] if named else None
    if ids is None and index:
        ids = 0
        notes.append(f"{path}: the first column has no name (pandas' index) and is read as ids.")
    elif index:
        notes.append(f"{path}: the first column has no name (pandas' index) and is left out.")
    if ids is None and width > 1 and any(not is_number(cell) for cell in table.column(0)):
        texts = [cell for cell in table.column(0) if not is_number(cell)]
        if len(texts) == len(table.rows):
            ids = 0
            what = f"the column {header[0]}" if table.header else "the first column (there is no header)"
            notes.append(f"{path}: {what} holds texts and is read as ids.")
    if ids is None:
        _refuse_numbering(table, width)
    others = tuple(k for k in range(width) if k != ids and not (k == 0 and index))
    for k in others:
        if plain(header[k]) in _LABELS | _PREDICTED and header[k] not in classes:
            raise InputError(
                f"{path}: the column {header[k]} is no class. Leave only the ids and one column per class, "
                "or name the classes with --classes."
            )
    return ScoreColumns(ids, others, tuple(notes))


def _is_id(table: ImageTable, header: Sequence[str], k: int) -> bool:
    """Whether a column of scores holds ids by its name; one that is not the first must hold texts."""
    return plain(header[k]) in _IDS and (k == 0 or not all(map(is_number, table.column(k))))


def _refuse_numbering(table: ImageTable, width: int) -> None:
    """Raise InputError where the first column looks like ids or an index, and nothing says so."""
    first = table.column(0)
    if len(first) < 2 or width < 2 or not all(map(is_whole, first)) or len(set(first)) < len(first):
        return
    if all(any(not is_whole(cell) for cell in table.column(k)) for k in range(1, width)):
        what = f"the column {table.header[0]}" if table.header else "the first column"
        raise InputError(
            f"{table.path}: {what} holds whole numbers, each once, and no other column does: ids, an "
            "index, or scores? Give it the header id, or leave it out."
        )


def label_columns(table: ImageTable, names: Sequence[str]) -> tuple[int | None, int, tuple[str, ...]]:
    """The columns of the ids, if there are any, and of the labels, and what has to be said of that."""
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
        raise InputError(f"{path}: {LABEL_FORMS}. Its header is {','.join(header)}")
    [label] = labels
    ids = [k for k in ids if k != label]
    if index and not ids:
        notes.append(f"{path}: the first column has no name (pandas' index) and is read as ids.")
    unread = [header[k] or "the unnamed first one" for k in range(width) if k not in {*(ids or index), label}]
    if unread:
        notes.append(f"{path}: labels are in the column {header[label]}; not read: {', '.join(unread)}.")
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
    note = (
        f"{table.path}: there is no header; the {which[0]} column is read as labels, the {which[1]} as ids."
    )
    return 1 - label, label, (note,)
