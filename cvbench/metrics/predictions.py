"""What a model said of each image, kept as it was said: no figure, but the ground to compare two runs on.

It stands among a cell's metrics by its address, `cvbench.metrics.predictions:Predictions`.
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
    """Every prediction, in full; its outcomes are one row an image.

    Columns behind `id`: `scores` for a classifier; `boxes` (x1, y1, x2, y2 one after the other), `labels`
    and `scores` for a detector; `labels` (a byte a pixel, by rows) and `width` for a segmenter.
    """

    protocol = "predictions"

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.images: PerImage[Mapping[str, Any]] = PerImage()

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Take in one batch; truths are not looked at."""
        if len(predictions) != len(truths):
            raise ValueError(f"{len(predictions)} predictions came with {len(truths)} truths")
        self.images.add(ids, [_columns(prediction) for prediction in predictions])

    def merge(self, other: Metric) -> None:
        """Take in what another one has accumulated."""
        if not isinstance(other, Predictions):
            raise TypeError("only predictions can be merged")
        self.images.merge(other.images)

    def compute(self) -> list[Measurement]:
        """None: predictions by themselves are neither right nor wrong."""
        return []

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """One row an image."""
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
