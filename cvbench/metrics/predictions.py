"""Stores every prediction as per-image results, to compare two runs; computes no metric.

Add it to a cell's metrics by its import path, `cvbench.metrics.predictions:Predictions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cvbench.interfaces import Metric
from cvbench.metrics.inputs import label_bytes
from cvbench.metrics.per_image import PerImage
from cvbench.record import Measurement
from cvbench.values import ClassScores, Detections, LabelMap, Prediction, Truth


class Predictions:
    """All predictions, one row per image.

    Columns after `id`: `scores` for a classifier; `boxes` (flat list of x1, y1, x2, y2), `labels` and
    `scores` for a detector; `labels` (uint8, row by row) and `width` for a segmenter.
    """

    protocol = "predictions"

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.images: PerImage[Mapping[str, Any]] = PerImage()

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Add one batch; truths are not used."""
        if len(predictions) != len(truths):
            raise ValueError(f"{len(predictions)} predictions for {len(truths)} truths")
        self.images.add(ids, [_columns(prediction) for prediction in predictions])

    def merge(self, other: Metric) -> None:
        """Add the images of another Predictions."""
        if not isinstance(other, Predictions):
            raise TypeError("only another Predictions can be merged")
        self.images.merge(other.images)

    def compute(self) -> list[Measurement]:
        """An empty list: there is no metric."""
        return []

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """One row per image."""
        entries = self.images.entries()
        names = list(entries[0]) if entries else []
        return {"id": self.images.ids(), **{name: [entry[name] for entry in entries] for name in names}}


def _columns(prediction: Prediction) -> Mapping[str, Any]:
    match prediction:
        case ClassScores():
            return {"scores": prediction.scores.tolist()}
        case Detections():
            return {
                "boxes": prediction.boxes.flatten().tolist(),
                "labels": prediction.labels.tolist(),
                "scores": prediction.scores.tolist(),
            }
        case LabelMap():
            return {
                "labels": label_bytes(prediction).tobytes(),
                "width": prediction.labels.shape[1],
            }
