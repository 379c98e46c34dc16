"""Top-1 and top-5 accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Int64

from cvbench.interfaces import Evidence, Metric
from cvbench.metrics.inputs import class_scores
from cvbench.metrics.per_image import PerImage, confusion_evidence
from cvbench.record import Measurement, Part
from cvbench.statistics.distributions import wilson
from cvbench.values import Prediction, Truth


class _Answer(NamedTuple):
    label: int
    predicted: int
    rank: int | None
    """Number of other classes whose score is at least the true class's; None if a score is NaN."""


class TopK:
    """Top-1 and top-5 accuracy.

    The true class must score strictly higher than all others (top-1), or than all but four (top-5), so ties
    count as wrong. An image with a NaN score is wrong. With five classes or fewer, top-5 is missing because
    it would always be 1.

    The parts of each metric are the accuracies per true class.
    """

    protocol = "topk/ties-against"

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.images: PerImage[_Answer] = PerImage()

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Add one batch; raises ValueError for a duplicate id, or unless there is one score per class."""
        answers = [_answer(p, t, len(self.classes)) for p, t in zip(predictions, truths, strict=True)]
        self.images.add(ids, answers)

    def merge(self, other: Metric) -> None:
        """Add the images of another TopK with the same classes."""
        if not isinstance(other, TopK) or other.classes != self.classes:
            raise TypeError("only a TopK with the same classes can be merged")
        self.images.merge(other.images)

    def compute(self) -> list[Measurement]:
        """top1 and top5 with Wilson intervals."""
        return [self._figure("top1", 1), self._figure("top5", 5)]

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """Per-image results: id, true label, predicted label, and whether top1 and top5 are correct."""
        answers = self.images.entries()
        return {
            "id": self.images.ids(),
            "label": [a.label for a in answers],
            "predicted": [a.predicted for a in answers],
            "top1": [_right(a, 1) for a in answers],
            "top5": [_right(a, 5) for a in answers],
        }

    def confusion(self) -> Int64[np.ndarray, "classes classes"]:
        """Confusion matrix: true class (rows) by predicted class (columns; the lowest index in a tie)."""
        counts = np.zeros((len(self.classes), len(self.classes)), np.int64)
        for answer in self.images.entries():
            counts[answer.label, answer.predicted] += 1
        return counts

    def evidence(self) -> list[Evidence]:
        """The confusion matrix."""
        return [confusion_evidence(self.confusion(), unit="images")]

    def _figure(self, name: str, k: int) -> Measurement:
        answers = self.images.entries()
        missing = None
        if not answers:
            missing = "no images"
        elif len(self.classes) <= k:
            missing = f"with {len(self.classes)} classes every prediction is correct"
        right = [_right(a, k) for a in answers]
        return Measurement(
            name=name,
            value=None if missing else sum(right) / len(right),
            missing=missing,
            unit="fraction",
            direction="higher",
            n=len(answers),
            interval=None if missing else wilson(sum(right), len(right)),
            protocol=self.protocol,
            parts=() if missing else self._parts(answers, right),
        )

    def _parts(self, answers: Sequence[_Answer], right: Sequence[bool]) -> tuple[Part, ...]:
        images, hits = [0] * len(self.classes), [0] * len(self.classes)
        for answer, is_right in zip(answers, right, strict=True):
            images[answer.label] += 1
            hits[answer.label] += is_right
        return tuple(
            Part(name=name, value=h / n, n=n)
            if n
            else Part(name=name, value=None, missing="no image of this class", n=0)
            for name, h, n in zip(self.classes, hits, images, strict=True)
        )


def _answer(prediction: Prediction, truth: Truth, classes: int) -> _Answer:
    answer, label = class_scores(prediction, classes), class_scores(truth, classes).label
    scores = answer.scores
    if torch.isnan(scores).any():
        return _Answer(label, answer.label, None)
    return _Answer(label, answer.label, int((scores >= scores[label]).sum()) - 1)


def _right(answer: _Answer, k: int) -> bool:
    return answer.rank is not None and answer.rank < k
