"""Figures of label maps from sums of pixels by class; needs no torch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64


class Ratio(NamedTuple):
    """What a figure divides, for each weighting of the images and each class."""

    numerator: Float64[np.ndarray, "weightings classes"]
    denominator: Float64[np.ndarray, "weightings classes"]

    def class_means(self) -> Float64[np.ndarray, " weightings"] | None:
        """The mean over the classes that occur; None where none does."""
        known: Bool[np.ndarray, " classes"] = self.denominator[0] > 0
        if not known.any():
            return None
        return np.asarray((self.numerator[:, known] / self.denominator[:, known]).mean(1))

    def overall(self) -> Float64[np.ndarray, " weightings"] | None:
        """The ratio of the sums over all classes; None where nothing was counted."""
        if not self.denominator[0].any():
            return None
        return np.asarray(self.numerator.sum(1) / self.denominator.sum(1))


class PixelRatios(NamedTuple):
    """The three ratios behind the figures."""

    iou: Ratio
    recall: Ratio
    dice: Ratio


def pixel_ratios(sums: Float64[np.ndarray, "weightings columns"]) -> PixelRatios:
    """From sums over the images of each class's pixels: hits, then predicted, then true ones."""
    hits, predicted, true = np.split(sums, 3, axis=1)
    return PixelRatios(
        iou=Ratio(hits, predicted + true - hits),
        recall=Ratio(hits, true),
        dice=Ratio(2 * hits, predicted + true),
    )
