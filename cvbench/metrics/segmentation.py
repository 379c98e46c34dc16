"""Mean IoU, mean Dice and pixel accuracy of label maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from cvbench.boxes.threads import in_threads
from cvbench.interfaces import Evidence, Metric
from cvbench.metrics.inputs import label_bytes
from cvbench.metrics.per_image import PerImage, confusion_evidence
from cvbench.metrics.segmentation_counts import Ratio, confusion, pixel_ratios
from cvbench.record import Measurement, Part
from cvbench.statistics.bootstrap import bayesian_weights, interval_around
from cvbench.values import VOID, LabelMap, Prediction, Truth

RESAMPLES = 500


class _Pixels(NamedTuple):
    """Pixel counts of one image per class."""

    hits: Int64[np.ndarray, " classes"]
    """True positives."""
    predicted: Int64[np.ndarray, " classes"]
    true: Int64[np.ndarray, " classes"]


def _pixels(truth: Truth) -> int:
    return truth.labels.numel() if isinstance(truth, LabelMap) else 0


class MeanIoU:
    """Mean intersection over union, pixel accuracy, and mean Dice.

    All images share one confusion matrix. A class's IoU is its true positives over the whole set divided by
    the union of its true and predicted pixels; its Dice is twice its true positives divided by the sum of
    both. Pixels whose truth is VOID are ignored. A class that is neither true nor predicted anywhere is left
    out of the means; a class that is only predicted counts as 0. The parts of pixel_accuracy are the
    accuracies on the true pixels of each class.

    Intervals come from a Bayesian bootstrap over the images.

    Source: the segmentation task of Everingham et al., The PASCAL VOC Challenge, 2010.
    """

    protocol = "miou/one-confusion-matrix/ignore255"

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.images: PerImage[_Pixels] = PerImage()
        self.counts = np.zeros((len(self.classes), len(self.classes)), np.int64)
        """Confusion matrix of all pixels: true class by predicted class."""
        self.void = 0
        """Number of ignored pixels."""

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Add one batch; raises ValueError for a duplicate id, or a label that is not a class."""
        pairs = zip(predictions, truths, strict=True)
        counts = in_threads(lambda pair: self._counts(*pair), pairs)
        self.images.add(ids, [_Pixels(c.diagonal().copy(), c.sum(0), c.sum(1)) for c in counts])
        for of_image in counts:
            self.counts += of_image
        self.void += sum(map(_pixels, truths)) - sum(int(of_image.sum()) for of_image in counts)

    def merge(self, other: Metric) -> None:
        """Add the images of another MeanIoU with the same classes."""
        if not isinstance(other, MeanIoU) or other.classes != self.classes:
            raise TypeError("only a MeanIoU with the same classes can be merged")
        self.images.merge(other.images)
        self.counts += other.counts
        self.void += other.void

    def compute(self) -> list[Measurement]:
        """mIoU, pixel_accuracy and Dice."""
        n = len(self.images)
        # The first weighting counts every image once. Sums of integers are exact in any order.
        pixels = np.concatenate([self._column(name) for name in _Pixels._fields], axis=1)
        weightings = chain([np.ones((1, n))], bayesian_weights(n, RESAMPLES))
        sums = np.concatenate([some @ pixels for some in weightings])
        iou, recall, dice = pixel_ratios(sums)
        absent = "neither true nor predicted anywhere"
        return [
            self._figure("mIoU", iou.class_means(), self._parts(iou, absent)),
            self._figure("pixel_accuracy", recall.overall(), self._parts(recall, "no pixel of this class")),
            self._figure("Dice", dice.class_means(), self._parts(dice, absent)),
        ]

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """Per-image results: id, and pixels per class: true positives (`hits`), predicted, true."""
        columns: dict[str, Sequence[Any]] = {"id": self.images.ids()}
        for name in _Pixels._fields:
            columns[name] = [getattr(pixels, name).tolist() for pixels in self.images.entries()]
        return columns

    def evidence(self) -> list[Evidence]:
        """The confusion matrix of pixels."""
        return [confusion_evidence(self.counts, unit="pixels")]

    def notes(self) -> list[str]:
        """A note if the truth has void pixels and at most one class, as masks of 0 and 255 have."""
        there = np.flatnonzero(self.counts.sum(1)).tolist()
        if not self.void or len(there) > 1:
            return []
        share = self.void / (self.void + int(self.counts.sum()))
        which = f"only {self.classes[there[0]]!r}" if there else "none"
        of = f"{len(self.classes)} class{'es' * (len(self.classes) != 1)}"
        note = (
            f"{share:.0%} of the true pixels are void, and {which} of {of} occurs: typical of masks of 0 and "
            "255, because label 255 is void by default. To count label 255, set the option void: none "
            "(cvbench score: --void none)."
        )
        return [note]

    def _column(self, name: str) -> Float64[np.ndarray, "images classes"]:
        rows = [getattr(pixels, name) for pixels in self.images.entries()]
        return np.array(rows, np.float64).reshape(len(rows), len(self.classes))

    def _figure(
        self, name: str, values: Float64[np.ndarray, " weightings"] | None, parts: tuple[Part, ...]
    ) -> Measurement:
        missing = "every pixel is void" if len(self.images) else "no images"
        value = None if values is None else float(values[0])
        return Measurement(
            name=name,
            value=value,
            missing=missing if value is None else None,
            unit="fraction",
            direction="higher",
            n=len(self.images),
            interval=None if value is None or values is None else interval_around(value, values[1:]),
            protocol=self.protocol,
            parts=parts,
        )

    def _parts(self, ratio: Ratio, absent: str) -> tuple[Part, ...]:
        return tuple(
            Part(name=name, value=float(above / below), n=int(below))
            if below
            else Part(name=name, value=None, missing=absent, n=0)
            for name, above, below in zip(self.classes, ratio.numerator[0], ratio.denominator[0], strict=True)
        )

    def _counts(self, prediction: Prediction, truth: Truth) -> Int64[np.ndarray, "classes classes"]:
        predicted, true = label_bytes(prediction), label_bytes(truth)
        shape, wanted = predicted.shape, true.shape
        if shape != wanted:
            raise ValueError(f"the predicted label map has shape {shape}, but the truth has {wanted}")
        k = len(self.classes)
        true, predicted = true.ravel(), predicted.ravel()
        counts = confusion(true, predicted, k)
        if counts[k].any() or counts[:, k].any():
            kind, labels = ("true", true) if counts[k].any() else ("predicted", predicted)
            wrong = labels[(labels >= k) & (true != VOID)][0]
            raise ValueError(f"the {kind} label {wrong} is not one of the {k} classes")
        return counts[:k, :k]
