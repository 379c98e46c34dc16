"""Scores and labels of images, from CSV or from NumPy's files, and their figures.

    scores.csv      id,cat,dog          labels.csv      id,label
                    a.jpg,0.9,0.1                       a.jpg,cat
    scores.npz      scores (n, classes), and ids (n) if any; labels.npz: labels (n), and ids

A first line of numbers only is no header; then there are no ids. A header's first column holds the ids
if it is called id, image, image_id, file, filename or name.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from cvbench.data.annotations.problems import Problems
from cvbench.data.annotations.voc import read_text
from cvbench.errors import InputError
from cvbench.record import Measurement
from cvbench.spec.catalogue import METRICS

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


def read_scores(path: Path, problems: Problems) -> Scores:
    """The scores in a file; NaN and infinite ones are mistakes."""
    if path.suffix.lower() in (".npz", ".npy"):
        arrays = _load(path)
        scores = _one_of(path, arrays, "scores", "iuf", 2).astype(np.float64)
        ids = _ids(path, arrays, len(scores))
        table = Scores(ids, None, scores)
    else:
        table = _scores_of_csv(path, problems)
    where = np.argwhere(~np.isfinite(table.scores))
    for i, k in where.tolist():
        problems.add(path, "a score that is not finite", f"image {i}, class {k}: {table.scores[i, k]}")
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


def _scores_of_csv(path: Path, problems: Problems) -> Scores:
    header, rows = _table(path)
    first = 1 if header is not None and header[0].lower() in _IDS else 0
    columns = len(header or (rows[0] if rows else ()))
    scores = np.zeros((len(rows), max(columns - first, 0)))
    for i, row in enumerate(rows):
        if len(row) != columns:
            problems.add(path, f"a row that has not {columns} cells", f"row {i}: {len(row)} cells")
            continue
        try:
            scores[i] = row[first:]  # NumPy reads the texts, whole rows at a time
        except ValueError:
            wrong = next(cell for cell in row[first:] if not _is_number(cell))
            problems.add(path, "a score that is no number", f"row {i}: {wrong[:40]!r}")
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


def score_classes(
    predictions: Path, truth: Path, *, metric: str = "topk", classes: Sequence[str] | None = None
) -> tuple[Measurement, ...]:
    """The figures of a classification metric, by the code that scores the runs.

    Rows are joined by their ids where both files have them, otherwise by their order. Labels are names
    of classes, if any of them is one, and otherwise numbers from 0. Raises InputError, with everything
    that is wrong.
    """
    import torch

    from cvbench.interfaces import Metric
    from cvbench.values import ClassScores

    problems = Problems()
    scores, labels = read_scores(predictions, problems), read_labels(truth)
    k = scores.scores.shape[1] or len(classes or ())
    names = tuple(classes or scores.classes or map(str, range(k)))
    if len(names) != k:
        raise InputError(f"{predictions}: has scores of {k} classes, and {len(names)} are named")
    rows = _rows(predictions, truth, scores, labels, problems)
    numbers = _numbers(truth, labels, names, problems)
    problems.stop()
    if not len(rows):
        raise InputError(f"{truth}: has no labels")
    scored: Metric = METRICS.load(metric)(names)
    tensor = torch.from_numpy(scores.scores[rows])
    scored.update(
        [f"{i:09d}" for i in range(len(rows))],
        [ClassScores(row) for row in tensor],
        [ClassScores.of(label, k) for label in numbers.tolist()],
    )
    return tuple(scored.compute())


def _rows(
    predictions: Path, truth: Path, scores: Scores, labels: Labels, problems: Problems
) -> Int64[np.ndarray, " labels"]:
    """Which row of scores belongs to each label."""
    if scores.ids is None or labels.ids is None:
        if len(scores.scores) != len(labels.labels):
            raise InputError(
                f"{predictions}: has {len(scores.scores):,} images, and {truth} has {len(labels.labels):,}; "
                "without ids in both they must stand in the same order"
            )
        return np.arange(len(labels.labels))
    problems.add_repeated(predictions, "an id that came before", scores.ids)
    problems.add_repeated(truth, "an id that came before", labels.ids)
    row = {name: i for i, name in enumerate(scores.ids)}
    known = set(labels.ids)
    for i, name in enumerate(scores.ids):
        if name not in known:
            problems.add(predictions, "an image that the truth does not have", f"row {i}: {name}")
    for i, name in enumerate(labels.ids):
        if name not in row:
            problems.add(truth, "an image without scores", f"row {i}: {name}")
    return np.array([row.get(name, 0) for name in labels.ids], np.int64)


def _numbers(
    truth: Path, labels: Labels, names: tuple[str, ...], problems: Problems
) -> Int64[np.ndarray, " labels"]:
    """The labels as places among the classes: by name if any is a name, so that none is misread."""
    by_name = {name: k for k, name in enumerate(names)}
    named = any(label in by_name for label in labels.labels)
    numbers = []
    for i, label in enumerate(labels.labels):
        if named:
            number = by_name.get(label, -1)
        else:
            number = int(label) if label.isdecimal() and len(label) < 10 else -1
        if not 0 <= number < len(names):
            problems.add(truth, f"a label that is none of the {len(names)} classes", f"row {i}: {label}")
        numbers.append(number)
    return np.array(numbers, np.int64)


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
