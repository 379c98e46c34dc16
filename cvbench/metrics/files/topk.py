"""Scores joined with labels, and the shares of right answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from cvbench.data.annotations.problems import Mistakes
from cvbench.errors import InputError
from cvbench.metrics.files.classification import Labels, Scores, read_labels, read_scores
from cvbench.record import Measurement


def score_topk(
    predictions: Path, truth: Path, *, classes: Sequence[str] | None = None
) -> tuple[Measurement, ...]:
    """top1 and top5 with Wilson intervals, by the metric of the runs.

    Rows are joined by their ids where both files have them, otherwise by their order. Labels are names
    of classes, if any of them is one, and otherwise numbers from 0. Raises InputError, with everything
    that is wrong.
    """
    import torch

    from cvbench.metrics.classification import TopK
    from cvbench.values import ClassScores

    mistakes = Mistakes()
    scores, labels = read_scores(predictions, mistakes), read_labels(truth)
    k = scores.scores.shape[1] or len(classes or ())
    names = tuple(classes or scores.classes or map(str, range(k)))
    if len(names) != k:
        raise InputError(f"{predictions}: has scores of {k} classes, and {len(names)} are named")
    rows = _rows(predictions, truth, scores, labels, mistakes)
    numbers = _numbers(truth, labels, names, mistakes)
    mistakes.stop()
    if not len(rows):
        raise InputError(f"{truth}: has no labels")
    metric = TopK(names)
    tensor = torch.from_numpy(scores.scores[rows])
    metric.update(
        [f"{i:09d}" for i in range(len(rows))],
        [ClassScores(row) for row in tensor],
        [ClassScores.of(label, k) for label in numbers.tolist()],
    )
    return tuple(metric.compute())


def _rows(
    predictions: Path, truth: Path, scores: Scores, labels: Labels, mistakes: Mistakes
) -> Int64[np.ndarray, " labels"]:
    """Which row of scores belongs to each label."""
    if scores.ids is None or labels.ids is None:
        if len(scores.scores) != len(labels.labels):
            raise InputError(
                f"{predictions}: has {len(scores.scores):,} images, and {truth} has {len(labels.labels):,}; "
                "without ids in both they must stand in the same order"
            )
        return np.arange(len(labels.labels))
    mistakes.add_repeated(predictions, "an id that came before", scores.ids)
    mistakes.add_repeated(truth, "an id that came before", labels.ids)
    row = {name: i for i, name in enumerate(scores.ids)}
    known = set(labels.ids)
    for i, name in enumerate(scores.ids):
        if name not in known:
            mistakes.add(predictions, "an image that the truth does not have", f"row {i}: {name}")
    for i, name in enumerate(labels.ids):
        if name not in row:
            mistakes.add(truth, "an image without scores", f"row {i}: {name}")
    return np.array([row.get(name, 0) for name in labels.ids], np.int64)


def _numbers(
    truth: Path, labels: Labels, names: tuple[str, ...], mistakes: Mistakes
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
            mistakes.add(truth, f"a label that is none of the {len(names)} classes", f"row {i}: {label}")
        numbers.append(number)
    return np.array(numbers, np.int64)
