"""The images that a model did worst on, found while it is scored."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import torch

from cvbench.boxes.iou import iou
from cvbench.boxes.matching import NOBODY, match_coco
from cvbench.data.images.loader import Batch
from cvbench.metrics.segmentation_counts import confusion
from cvbench.values import ClassScores, Detections, LabelMap, Prediction, Truth

KEPT = 12
"""So many images are kept of a cell."""
DETECTIONS = 100
"""No more detections of an image are looked at: the best, as in COCO's figures."""


class Bad(NamedTuple):
    """One image, and what was said of it."""

    quality: float
    """0 at worst, 1 at best; what it measures stands at `quality`."""
    position: int
    """In the data set."""
    id: str
    prediction: Prediction
    truth: Truth


class Worst:
    """Holds on to the few worst of all images that it is shown."""

    def __init__(self, keep: int = KEPT) -> None:
        self._keep = keep
        self._heap: list[tuple[float, int, Bad]] = []

    def see(self, batch: Batch, predictions: Sequence[Prediction]) -> None:
        """Look at a batch; positions come once."""
        for position, image, prediction, truth in zip(
            batch.positions, batch.ids, predictions, batch.truths, strict=True
        ):
            bad = Bad(quality(prediction, truth), position, image, prediction, truth)
            heapq.heappush(self._heap, (-bad.quality, -position, bad))
            if len(self._heap) > self._keep:
                heapq.heappop(self._heap)

    def images(self) -> list[Bad]:
        """The worst first; among equals the earlier one."""
        return [bad for *_, bad in sorted(self._heap, reverse=True)]


def quality(prediction: Prediction, truth: Truth) -> float:
    """How well one image was done, from 0 to 1.

    Of class scores, the right class's; of detections, the image's own average precision at IoU 0.5, all
    classes in one ranking; of a label map, the mean IoU of the classes that are true or predicted.
    Crowds and void pixels do not count. NaN is 0, and so is a truth and a prediction that do not fit.
    """
    match prediction, truth:
        case ClassScores(), ClassScores():
            value = float(prediction.scores[truth.label])
        case Detections(), Detections():
            value = _precision(prediction, truth)
        case LabelMap(), LabelMap():
            value = _overlap(prediction, truth)
        case _:
            value = 0.0
    return min(max(value, 0.0), 1.0) if value == value else 0.0  # noqa: PLR0124, NaN alone differs from itself


def _precision(found: Detections, true: Detections) -> float:
    """The mean, over the objects, of the precision at which each is found; without any, of 1 - best score."""
    crowd = torch.zeros(len(true), dtype=torch.bool) if true.crowd is None else true.crowd
    to_find = int((~crowd).sum())
    if to_find == 0:
        return 1.0 - float(found.scores.max()) if len(found) else 1.0
    order = found.scores.argsort(descending=True, stable=True)[:DETECTIONS]
    same_class = found.labels[order][:, None] == true.labels
    matches = match_coco(
        iou(found.boxes[order].float(), true.boxes.float()) * same_class,
        thresholds=torch.tensor([0.5]),
        crowd=crowd,
        ignored=crowd[None],
        outside=torch.zeros(1, len(order), dtype=torch.bool),
    )
    counts = ~matches.ignored[0, 0]
    right = (matches.truth[0, 0] != NOBODY)[counts]
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    return float(precision[right].sum()) / to_find


def _overlap(found: LabelMap, true: LabelMap) -> float:
    true_labels, labels = true.labels.cpu().numpy().ravel(), found.labels.cpu().numpy().ravel()
    if len(true_labels) != len(labels):
        return 0.0
    counts = confusion(true_labels, labels, classes=255)[:255, :255]
    either = counts.sum(0) + counts.sum(1) - counts.diagonal()
    there = either > 0
    return float((counts.diagonal()[there] / either[there]).mean()) if there.any() else 1.0
