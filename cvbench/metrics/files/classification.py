"""Scores and labels of images, from CSV or from NumPy's files.

    scores.csv      id,cat,dog          labels.csv      id,label
                    a.jpg,0.9,0.1                       a.jpg,cat
    scores.npz      scores (n, classes), and ids (n) if any; labels.npz: labels (n), and ids

A first line of numbers only is no header; then there are no ids. A header's first column holds the ids
if it is called id, image, image_id, file, filename or name.
"""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Shaped

from cvbench.data.annotations.problems import Mistakes
from cvbench.data.annotations.voc import read_text
from cvbench.errors import InputError

_IDS = {"id", "image", "image_id", "file", "filename", "name"}


class Scores(NamedTuple):
    """One row an image, one column a class."""

    ids: tuple[str, ...] | None
    classes: tuple[str, ...] | None
    """As the header names them."""
    scores: Float64[np.ndarray, "images classes"]


class Labels(NamedTuple):
    """The true class of each image, as it stands in the file: a name or a number."""

    ids: tuple[str, ...] | None
    labels: tuple[str, ...]


def read_scores(path: Path, mistakes: Mistakes) -> Scores:
    """The scores in a file; NaN and infinite ones are mistakes."""
    if path.suffix.lower() in (".npz", ".npy"):
        arrays = _load(path)
        scores = _one_of(path, arrays, "scores", "iuf", 2).astype(np.float64)
        ids = _ids(path, arrays, len(scores))
        table = Scores(ids, None, scores)
    else:
        table = _scores_of_csv(path, mistakes)
    where = np.argwhere(~np.isfinite(table.scores))
    for i, k in where.tolist():
        mistakes.add(path, "a score that is not finite", f"image {i}, class {k}: {table.scores[i, k]}")
    return table


def read_labels(path: Path) -> Labels:
    """The labels in a file."""
    if path.suffix.lower() in (".npz", ".npy"):
        arrays = _load(path)
        labels = _one_of(path, arrays, "labels", "iuU", 1)
        return Labels(_ids(path, arrays, len(labels)), tuple(map(str, labels.tolist())))
    header, rows = _table(path)
    columns = len(header or (rows[0] if rows else ()))
    if columns not in (1, 2) or (columns == 2 and (header is None or header[0].lower() not in _IDS)):
        raise InputError(f"{path}: labels are in one column, or in two with the header id,label")
    uneven = [i for i, row in enumerate(rows) if len(row) != columns]
    if uneven:
        raise InputError(f"{path}: row {uneven[0]} has {len(rows[uneven[0]])} cells and not {columns}")
    ids = tuple(row[0] for row in rows) if columns == 2 else None
    return Labels(ids, tuple(row[-1].strip() for row in rows))


def _scores_of_csv(path: Path, mistakes: Mistakes) -> Scores:
    header, rows = _table(path)
    first = 1 if header is not None and header[0].lower() in _IDS else 0
    columns = len(header or (rows[0] if rows else ()))
    scores = np.zeros((len(rows), max(columns - first, 0)))
    for i, row in enumerate(rows):
        if len(row) != columns:
            mistakes.add(path, f"a row that has not {columns} cells", f"row {i}: {len(row)} cells")
            continue
        try:
            scores[i] = row[first:]  # NumPy reads the texts, whole rows at a time
        except ValueError:
            wrong = next(cell for cell in row[first:] if not _is_number(cell))
            mistakes.add(path, "a score that is no number", f"row {i}: {wrong[:40]!r}")
    ids = tuple(row[0] for row in rows) if first else None
    return Scores(ids, None if header is None else tuple(header[first:]), scores)


def _table(path: Path) -> tuple[list[str] | None, list[list[str]]]:
    """The header, if the first line is one, and the rows."""
    try:
        rows = [row for row in csv.reader(read_text(path).splitlines(), strict=True) if row]
    except csv.Error as error:
        raise InputError(f"{path}: not CSV: {error}") from error
    if not rows or all(_is_number(cell) for cell in rows[0]):
        return None, rows
    return [cell.strip() for cell in rows[0]], rows[1:]


def _load(path: Path) -> dict[str, Shaped[np.ndarray, "..."]]:
    try:
        with path.open("rb") as file:  # NumPy leaves a file open that it cannot unpack
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"": loaded}
            return {name: loaded[name] for name in loaded.files}
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: holds no plain arrays ({error})") from error


def _one_of(
    path: Path, arrays: dict[str, Shaped[np.ndarray, "..."]], name: str, kinds: str, dimensions: int
) -> Shaped[np.ndarray, "..."]:
    """The array of that name, or the only one."""
    array = arrays.get(name, next(iter(arrays.values())) if len(arrays) == 1 else None)
    if array is None:
        raise InputError(f"{path}: has no array {name}, but {', '.join(sorted(arrays)) or 'none'}")
    if array.ndim != dimensions or array.dtype.kind not in kinds:
        raise InputError(
            f"{path}: {name} is of shape {array.shape} and type {array.dtype}; it has {dimensions} "
            f"dimension{'s' if dimensions > 1 else ''}, of numbers"
        )
    return array


def _ids(path: Path, arrays: dict[str, Shaped[np.ndarray, "..."]], n: int) -> tuple[str, ...] | None:
    if "ids" not in arrays:
        return None
    if arrays["ids"].shape != (n,):
        raise InputError(f"{path}: ids is of shape {arrays['ids'].shape}, for {n} images")
    return tuple(map(str, arrays["ids"].tolist()))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_class_names(text: str) -> tuple[str, ...]:
    """Names from a number of classes, from names with commas between, or from a file of a name a line.

    >>> read_class_names("3"), read_class_names("cat, dog")
    (('0', '1', '2'), ('cat', 'dog'))
    """
    if text.strip().isdecimal():
        if not 0 < int(text) <= 1 << 20:
            raise InputError(f"--classes {text}: is no number of classes")
        return tuple(map(str, range(int(text))))
    if Path(text).is_file():
        names = [line.strip() for line in read_text(Path(text)).splitlines() if line.strip()]
    else:
        names = [name.strip() for name in text.split(",")]
        if len(names) == 1:
            raise InputError(f"--classes {text}: is no number, no list with commas, and no file")
    repeated = sorted({name for name in names if names.count(name) > 1 or not name})
    if repeated:
        raise InputError(f"--classes {text}: the name {repeated[0]!r} is there twice, or is empty")
    return tuple(names)
