"""Scores and labels of images from CSV or NumPy files, and their metrics.

    scores.csv      id,cat,dog          labels.csv      id,label
                    a.jpg,0.9,0.1                       a.jpg,cat
    scores.npz      scores (n, classes), optional ids (n); labels.npz: labels (n), optional ids (n)

Rows are joined by id if both files have ids, otherwise by order. `tables.py` finds the header and the
columns; every deviation from the forms above becomes a note.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from cvbench.data.annotations.problems import Problems
from cvbench.errors import InputError
from cvbench.metrics.files.arrays import load_arrays
from cvbench.metrics.files.tables import (
    ImageTable,
    counts_from,
    is_number,
    label_columns,
    label_headers,
    read_rows,
    score_columns,
    score_headers,
)
from cvbench.record import Measurement
from cvbench.spec.catalogue import METRICS


class Scores(NamedTuple):
    """One row per image, one column per class."""

    ids: tuple[str, ...] | None
    classes: tuple[str, ...] | None
    """Class names from the header."""
    scores: Float64[np.ndarray, "images classes"]


class Labels(NamedTuple):
    """The true class of each image, as written in the file: a name or a number."""

    ids: tuple[str, ...] | None
    labels: tuple[str, ...]


class TablesRead(NamedTuple):
    """Both files, with notes on how they were read."""

    scores: Scores
    labels: Labels
    notes: tuple[str, ...]


class ClassFigures(NamedTuple):
    """Measurements of a table of scores, with notes for their reader."""

    measurements: tuple[Measurement, ...]
    notes: tuple[str, ...]


def read_tables(
    predictions: Path, truth: Path, problems: Problems, *, classes: Sequence[str] = ()
) -> TablesRead:
    """Read scores and labels; `classes` are the names from `--classes`, if any.

    Raises InputError for a file in an unknown form or one that is ambiguous.
    """
    score_rows = None if _is_array(predictions) else read_rows(predictions)
    label_rows = None if _is_array(truth) else read_rows(truth)
    scores = _scores_of_array(predictions) if score_rows is None else None
    labels = _labels_of_array(truth) if label_rows is None else None
    scores_may = score_headers(score_rows or [])
    known = classes or (score_rows[0] if score_rows and scores_may == (1,) else ())
    labels_may = label_headers(truth, label_rows or [], known)
    ways = [
        (first, second)
        for first in scores_may
        for second in labels_may
        if len(scores_may) + len(labels_may) == 2
        or _lines(score_rows, scores) - first == _lines(label_rows, labels) - second
    ]
    if len(ways) > 1:
        raise InputError(
            f"{predictions}: the first line can be a header or the scores of an image, and so can that of "
            f"{truth}. Write headers with names (id,CLASS,… and id,label), or scores with a decimal point."
        )
    first, second = ways[0] if ways else (scores_may[0], labels_may[0])
    notes: list[str] = []
    if score_rows is not None:
        scores = _scores_of(_table(predictions, score_rows, first, notes), classes, problems, notes)
    if label_rows is not None:
        assert scores is not None
        names = classes or scores.classes or tuple(map(str, range(scores.scores.shape[1])))
        labels = _labels_of(_table(truth, label_rows, second, notes), names, notes)
    assert scores is not None
    assert labels is not None
    where = np.argwhere(~np.isfinite(scores.scores))
    for i, k in where.tolist():
        problems.add(predictions, "score is not finite", f"image {i}, class {k}: {scores.scores[i, k]}")
    return TablesRead(scores, labels, tuple(notes))


def _is_array(path: Path) -> bool:
    return path.suffix.lower() in (".npz", ".npy")


def _lines(rows: list[list[str]] | None, read: Scores | Labels | None) -> int:
    """Number of lines in the CSV file, or of images in the array."""
    if rows is not None:
        return len(rows)
    return len(read.scores) if isinstance(read, Scores) else len(read.labels) if read is not None else 0


def _table(path: Path, rows: list[list[str]], headers: int, notes: list[str]) -> ImageTable:
    """The lines below the header, with a note if the header is numeric."""
    if headers and all(map(is_number, rows[0])):
        cells = ",".join(rows[0][:4]) + (",…" if len(rows[0]) > 4 else "")
        notes.append(f"{path}: the first line, {cells}, is read as a header (default pandas column names).")
    return ImageTable(path, tuple(rows[0]) if headers else None, rows[headers:])


def _scores_of_array(path: Path) -> Scores:
    arrays = load_arrays(path)
    scores = _one_of(path, arrays, "scores", "iuf", 2).astype(np.float64)
    return Scores(_ids(path, arrays, len(scores)), None, scores)


def _labels_of_array(path: Path) -> Labels:
    arrays = load_arrays(path)
    labels = _one_of(path, arrays, "labels", "iuUf", 1)
    return Labels(_ids(path, arrays, len(labels)), tuple(map(str, labels.tolist())))


def _scores_of(table: ImageTable, classes: Sequence[str], problems: Problems, notes: list[str]) -> Scores:
    columns = score_columns(table, classes)
    notes += columns.notes
    wide = len(table.header or (table.rows[0] if table.rows else ()))
    chosen = list(columns.others)
    base = counts_from([table.header[k] for k in chosen]) if table.header and chosen else None
    if table.header and base is not None:  # numbers, in any order, are label numbers, not names
        chosen.sort(key=lambda k: int((table.header or ())[k]))
    scores = np.zeros((len(table.rows), len(chosen)))
    for i, row in enumerate(table.rows):
        if len(row) != wide:
            problems.add(table.path, f"row does not have {wide} cells", f"row {i}: {len(row)} cells")
            continue
        cells = [row[k] for k in chosen]
        try:
            scores[i] = cells  # NumPy parses the whole row
        except ValueError:
            pass
        else:
            if "_" not in "".join(cells):
                continue
        wrong = next(cell for cell in cells if not is_number(cell))
        problems.add(table.path, "score is not a number", f"row {i}: {wrong[:40]!r}")
    ids = None if columns.ids is None else tuple(row[columns.ids] for row in table.rows if len(row) == wide)
    names = tuple(table.header[k] for k in chosen) if table.header and base != 0 else None
    return Scores(ids, names, scores)


def _labels_of(table: ImageTable, names: Sequence[str], notes: list[str]) -> Labels:
    ids, label, said = label_columns(table, names)
    notes += said
    wide = len(table.header or (table.rows[0] if table.rows else ()))
    uneven = [i for i, row in enumerate(table.rows) if len(row) != wide]
    if uneven:
        raise InputError(
            f"{table.path}: row {uneven[0]} has {len(table.rows[uneven[0]])} cells, expected {wide}"
        )
    return Labels(
        None if ids is None else tuple(row[ids] for row in table.rows),
        tuple(row[label] for row in table.rows),
    )


def _one_of(
    path: Path, arrays: dict[str, Shaped[np.ndarray, "..."]], name: str, kinds: str, dimensions: int
) -> Shaped[np.ndarray, "..."]:
    """The array of that name, or the only one."""
    array = arrays.get(name, next(iter(arrays.values())) if len(arrays) == 1 else None)
    if array is None:
        raise InputError(f"{path}: no array {name}; it contains: {', '.join(sorted(arrays)) or 'nothing'}")
    if array.ndim != dimensions or array.dtype.kind not in kinds:
        raise InputError(
            f"{path}: {name} has shape {array.shape} and dtype {array.dtype}, expected {dimensions} "
            f"dimension{'s' if dimensions > 1 else ''} of numbers"
        )
    return array


def _ids(path: Path, arrays: dict[str, Shaped[np.ndarray, "..."]], n: int) -> tuple[str, ...] | None:
    if "ids" not in arrays:
        return None
    if arrays["ids"].shape != (n,):
        raise InputError(f"{path}: ids has shape {arrays['ids'].shape}, expected ({n},): one per image")
    return tuple(map(str, arrays["ids"].tolist()))


def score_classes(
    predictions: Path, truth: Path, *, metric: str = "topk", classes: Sequence[str] | None = None
) -> ClassFigures:
    """Score class scores with a classification metric, with the code that also scores runs.

    Rows are joined by id if both files have ids, otherwise by order. Labels are class names if any of them
    is one, otherwise numbers from 0. Raises InputError with all problems.
    """
    import torch

    from cvbench.interfaces import Metric
    from cvbench.values import ClassScores

    problems = Problems()
    given = classes if classes is not None and counts_from(classes) != 0 else ()
    scores, labels, notes = read_tables(predictions, truth, problems, classes=given)
    k = scores.scores.shape[1] or len(classes or ())
    names = tuple(given or scores.classes or classes or map(str, range(k)))
    if len(names) != k:
        raise InputError(f"{predictions}: scores of {k} classes, but --classes names {len(names)}")
    _check_same_classes(predictions, scores.classes, given)
    rows = _rows(predictions, truth, scores, labels, problems)
    numbers = _numbers(truth, labels, names, problems)
    problems.stop()
    if not len(rows):
        raise InputError(f"{truth}: no labels in the file")
    if (scores.ids is None) != (labels.ids is None):
        without = predictions if scores.ids is None else truth
        notes += (f"Images are joined by order, because {without} has no ids.",)
    scored: Metric = METRICS.load(metric)(names)
    tensor = torch.from_numpy(scores.scores[rows])
    scored.update(
        [f"{i:09d}" for i in range(len(rows))],
        [ClassScores(row) for row in tensor],
        [ClassScores.of(label, k) for label in numbers.tolist()],
    )
    return ClassFigures(tuple(scored.compute()), (*notes, *_shifted(scores.scores[rows], numbers)))


def _check_same_classes(path: Path, header: tuple[str, ...] | None, given: Sequence[str]) -> None:
    """Raise InputError unless the header and --classes name the same classes in the same order."""
    if header is None or not given or header == tuple(given):
        return
    k = next(k for k, pair in enumerate(zip(header, given, strict=True)) if pair[0] != pair[1])
    what = "order" if sorted(header) == sorted(given) else "names"
    raise InputError(
        f"{path}: header and --classes have different class {what}: column {k} is {header[k]}, and --classes "
        f"has {given[k]}. Leave --classes out, or use the header's names and order."
    )


def _shifted(scores: Float64[np.ndarray, "n k"], labels: Int64[np.ndarray, " n"]) -> tuple[str, ...]:
    """A note if labels shifted by 1 would give a much higher top-1."""
    best = scores.argmax(1)
    right = float((best == labels).mean())
    for step, way in ((-1, "lower"), (1, "higher")):
        other = float((best == labels + step).mean())
        if other >= 0.5 and other > 2 * right and scores.shape[1] > 2:
            asked = "Check that labels and scores number the classes from the same start."
            return (f"Top-1 would be {other:.4f} if every label were {way} by 1. {asked}",)
    return ()


def _rows(
    predictions: Path, truth: Path, scores: Scores, labels: Labels, problems: Problems
) -> Int64[np.ndarray, " labels"]:
    """The row of scores of each label."""
    if scores.ids is None or labels.ids is None:
        if len(scores.scores) != len(labels.labels):
            raise InputError(
                f"{predictions}: {len(scores.scores):,} images, but {truth} has {len(labels.labels):,}. "
                "Give both files ids, or the same images in the same order."
            )
        return np.arange(len(labels.labels))
    problems.add_repeated(predictions, "duplicate id", scores.ids)
    problems.add_repeated(truth, "duplicate id", labels.ids)
    row = {name: i for i, name in enumerate(scores.ids)}
    known = set(labels.ids)
    near = _nearly_equal(scores.ids, labels.ids) if known != row.keys() else None
    if near is not None:
        problems.add(predictions, f"ids match the ids of {truth} only {near.how}", near.example)
        return np.zeros(len(labels.ids), np.int64)
    for i, name in enumerate(scores.ids):
        if name not in known:
            problems.add(predictions, "image is not in the truth", f"row {i}: {name}")
    for i, name in enumerate(labels.ids):
        if name not in row:
            problems.add(truth, "image has no scores", f"row {i}: {name}")
    return np.array([row.get(name, 0) for name in labels.ids], np.int64)


class _Near(NamedTuple):
    how: str
    example: str


def _nearly_equal(ours: Sequence[str], theirs: Sequence[str]) -> _Near | None:
    """The first normalization under which the ids of both files are equal, or None."""
    ways: dict[str, Callable[[str], str]] = {
        "without leading zeros": lambda name: name.lstrip("0") or "0",
        "as whole numbers": lambda name: name.removesuffix(".0"),
        "without their folders": lambda name: PurePath(name.replace("\\", "/")).name,
        "without extensions": lambda name: PurePath(name).stem,
        "without folders and extensions": lambda name: PurePath(name.replace("\\", "/")).stem,
        "ignoring case": str.casefold,
    }
    for how, same in ways.items():
        first, second = {same(name): name for name in ours}, {same(name): name for name in theirs}
        if first.keys() == second.keys() and len(first) == len(ours):
            one = next(key for key in first if first[key] != second[key])
            return _Near(how, f"{first[one]} and {second[one]}: write both the same way")
    return None


def _numbers(
    truth: Path, labels: Labels, names: tuple[str, ...], problems: Problems
) -> Int64[np.ndarray, " labels"]:
    """The labels as class indices: by name if any label is a class name, else by number."""
    by_name = {name: k for k, name in enumerate(names)}
    named = counts_from(names) != 0 and any(label in by_name for label in labels.labels)
    numbers = []
    for i, label in enumerate(labels.labels):
        if named:
            number = by_name.get(label, -1)
        else:
            text = label.removesuffix(".0")  # pandas writes integers as floats if values are missing
            number = int(text) if text.isdecimal() and len(text) < 10 else -1
        if not 0 <= number < len(names):
            problems.add(
                truth,
                f"label is not one of the {len(names)} classes",
                f"row {i}: {label}",
                remedy="" if named else f"Labels are class names or numbers from 0 to {len(names) - 1}.",
            )
        numbers.append(number)
    return np.array(numbers, np.int64)
