"""Mean intersection over union, and the share of pixels that are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64

from cvbench.metrics.per_image import PerImage
from cvbench.protocols import Metric
from cvbench.record import Measurement, Part
from cvbench.values import VOID, LabelMap, Prediction, Truth

Counts = Int64[np.ndarray, " classes"]


class _Pixels(NamedTuple):
    """One image's pixels by class."""

    hits: Counts
    """Predicted and true."""
    predicted: Counts
    true: Counts


class MeanIoU:
    """Mean intersection over union of the classes, and pixel accuracy.

    All images share one confusion matrix: a class's IoU is its hits over the whole set, divided by
    the pixels that are its own, or predicted as its own, or both. Pixels whose truth is VOID do not
    count. A class that is neither true nor predicted anywhere is left out of the mean.
    """

    protocol = "miou/one-confusion-matrix/ignore255"

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.images: PerImage[_Pixels] = PerImage()

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Take in one batch; raises ValueError for an id that came before, or a label that is no class."""
        pixels = [self._pixels(p, t) for p, t in zip(predictions, truths, strict=True)]
        self.images.add(ids, pixels)

    def merge(self, other: Metric) -> None:
        """Take in what another MeanIoU over the same classes has accumulated."""
        if not isinstance(other, MeanIoU) or other.classes != self.classes:
            raise TypeError("only a MeanIoU over the same classes can be merged")
        self.images.merge(other.images)

    def compute(self) -> list[Measurement]:
        """MIoU and pixel_accuracy."""
        none = np.zeros(len(self.classes), np.int64)
        hits, predicted, true = (
            (sum(column, none) for column in zip(*self.images.entries(), strict=True))
            if len(self.images)
            else (none, none, none)
        )
        union = predicted + true - hits
        parts = tuple(
            Part(name=name, value=float(h / u), n=int(u))
            if u
            else Part(name=name, value=None, missing="neither true nor predicted anywhere", n=0)
            for name, h, u in zip(self.classes, hits, union, strict=True)
        )
        ious = [part.value for part in parts if part.value is not None]
        return [
            self._figure("mIoU", sum(ious) / len(ious) if ious else None, parts),
            self._figure("pixel_accuracy", float(hits.sum() / true.sum()) if true.sum() else None, ()),
        ]

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """Each image's id and its pixels by class: hits, predicted, true."""
        pixels = self.images.entries()
        return {
            "id": self.images.ids(),
            "hits": [p.hits.tolist() for p in pixels],
            "predicted": [p.predicted.tolist() for p in pixels],
            "true": [p.true.tolist() for p in pixels],
        }

    def _figure(self, name: str, value: float | None, parts: tuple[Part, ...]) -> Measurement:
        missing = "no images" if not len(self.images) else "every pixel is void"
        return Measurement(
            name=name,
            value=value,
            missing=missing if value is None else None,
            unit="fraction",
            direction="higher",
            n=len(self.images),
            protocol=self.protocol,
            parts=parts,
        )

    def _pixels(self, prediction: Prediction, truth: Truth) -> _Pixels:
        if not isinstance(prediction, LabelMap) or not isinstance(truth, LabelMap):
            raise TypeError("segmentation metrics take LabelMaps")
        if prediction.labels.shape != truth.labels.shape:
            raise ValueError(
                f"a map of {tuple(prediction.labels.shape)} for an image of {tuple(truth.labels.shape)}"
            )
        classes = len(self.classes)
        true, predicted = truth.labels.cpu().numpy(), prediction.labels.cpu().numpy()
        counts = true != VOID
        true, predicted = true[counts].astype(np.int64), predicted[counts].astype(np.int64)
        if len(true) and max(true.max(), predicted.max()) >= classes:
            raise ValueError(f"label {max(true.max(), predicted.max())} is none of the {classes} classes")
        confusion = np.bincount(true * classes + predicted, minlength=classes**2).reshape(classes, classes)
        return _Pixels(np.diag(confusion).copy(), confusion.sum(0), confusion.sum(1))
