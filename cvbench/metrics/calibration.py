"""Calibration metrics of class probabilities: ECE and NLL."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from cvbench.interfaces import Metric
from cvbench.metrics.inputs import class_scores
from cvbench.metrics.per_image import PerImage
from cvbench.record import Measurement
from cvbench.statistics.bootstrap import UNIT, bayesian_weights, interval_around
from cvbench.statistics.distributions import Interval
from cvbench.values import Prediction, Truth

BINS = 15
RESAMPLES = 500


class _Belief(NamedTuple):
    """The predicted probabilities of one image."""

    confidence: float
    """The highest probability."""
    right: bool
    """Whether the true class, and no other, has the highest probability."""
    of_truth: float
    """The probability of the true class."""
    sound: bool
    """Whether the scores are probabilities: none is negative, and their sum is within 0.01 of 1."""


class Calibration:
    """Expected calibration error and negative log-likelihood.

    ECE sorts the images into 15 bins of equal width by the probability of the predicted class (upper edges
    inclusive), and averages the distance between mean probability and accuracy, weighted by the number of
    images. NLL is the mean of -log of the true class's probability, in nats. A tie for the highest
    probability counts as wrong. Both metrics are missing if scores are not probabilities, and NLL if a true
    class has probability 0.

    Intervals come from a Bayesian bootstrap over the images.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
    """

    protocol = "calibration/ece15/nll"

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.images: PerImage[_Belief] = PerImage()

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Add one batch; raises ValueError for a duplicate id."""
        self.images.add(
            ids, [_belief(p, t, len(self.classes)) for p, t in zip(predictions, truths, strict=True)]
        )

    def merge(self, other: Metric) -> None:
        """Add the images of another Calibration with the same classes."""
        if not isinstance(other, Calibration) or other.classes != self.classes:
            raise TypeError("only a Calibration with the same classes can be merged")
        self.images.merge(other.images)

    def compute(self) -> list[Measurement]:
        """ECE and NLL; lower is better."""
        beliefs = self.images.entries()
        unsound = sum(not b.sound for b in beliefs)
        impossible = sum(b.of_truth == 0 for b in beliefs)
        missing = None
        if not beliefs:
            missing = "no images"
        elif unsound:
            missing = f"the scores of {unsound} of {len(beliefs)} images are not probabilities"
        infinite = f"{impossible} images have probability 0 for their true class" if impossible else None
        gaps = np.zeros((len(beliefs), BINS))
        surprise = np.zeros((len(beliefs), 1))
        for i, belief in enumerate(beliefs if missing is None else ()):
            gaps[i, max(math.ceil(belief.confidence * BINS) - 1, 0)] = belief.confidence - belief.right
            surprise[i] = -math.log(belief.of_truth) if belief.of_truth else 0.0
        return [
            self._figure("ECE", gaps, missing, unit="fraction", within=UNIT),
            self._figure("NLL", surprise, missing or infinite, unit="nats", within=Interval(0.0, math.inf)),
        ]

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """Per-image results: id, confidence, right, of_truth, sound."""
        columns: dict[str, Sequence[Any]] = {"id": self.images.ids()}
        for name in _Belief._fields:
            columns[name] = [getattr(belief, name) for belief in self.images.entries()]
        return columns

    def _figure(
        self,
        name: str,
        columns: Float64[np.ndarray, "images columns"],
        missing: str | None,
        *,
        unit: str,
        within: Interval,
    ) -> Measurement:
        """The sum over the columns of the absolute value of the column's mean over images."""
        n = len(columns)
        value, interval = None, None
        if missing is None:
            weightings = chain([np.ones((1, n))], bayesian_weights(n, RESAMPLES))
            values = np.concatenate([np.abs(w @ columns).sum(1) / w.sum(1) for w in weightings])
            value = float(values[0])
            interval = interval_around(value, values[1:], within=within)
        return Measurement(
            name=name,
            value=value,
            missing=missing,
            unit=unit,
            direction="lower",
            n=n,
            interval=interval,
            protocol=self.protocol,
        )


def _belief(prediction: Prediction, truth: Truth, classes: int) -> _Belief:
    scores = class_scores(prediction, classes).scores.double().cpu()
    of_truth, confidence = float(scores[class_scores(truth, classes).label]), float(scores.max())
    alone = int((scores == confidence).sum()) == 1
    sound = bool((scores >= 0).all()) and abs(float(scores.sum()) - 1) <= 0.01
    # If the sum is slightly above 1, a probability can be too, which is beyond the last bin.
    return _Belief(min(confidence, 1.0), alone and of_truth == confidence, min(of_truth, 1.0), sound)
