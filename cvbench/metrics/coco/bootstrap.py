"""How sure the COCO figures are: matched once, weighted again and again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from cvbench.boxes.threads import in_threads
from cvbench.metrics.coco.accumulate import retrace
from cvbench.metrics.coco.evaluation import AREAS, IOU_THRESHOLDS, RECALLS, CocoMatches
from cvbench.metrics.coco.summary import FIGURES, Figure, threshold


def resamples(matches: CocoMatches) -> int:
    """How many resamples an interval takes: a thousand, and fewer where they would take seconds."""
    work = sum(len(line.hit_image) + len(line.miss_image) // 16 for line in matches.lines)
    return max(200, min(1000, 2_000_000 // (work + 1)))


class Resampled(NamedTuple):
    """What comes out under each weighting of the images."""

    figures: dict[str, Float64[np.ndarray, " resamples"]]
    """By name; those without a value are left out."""
    ap: Float64[np.ndarray, "resamples classes"]
    """AP of each class; NaN where it has no object."""


def resampled_figures(
    matches: CocoMatches, weights: Iterable[Float64[np.ndarray, "some images"]]
) -> dict[str, Float64[np.ndarray, " resamples"]]:
    """Each figure under each weighting of the images in `matches`; figures without a value are left out.

    Weights are whole numbers above 0. All 1 gives the plain figure to the bit.
    """
    return resampled(matches, weights).figures


def resampled(matches: CocoMatches, weights: Iterable[Float64[np.ndarray, "some images"]]) -> Resampled:
    """The same, and each class's AP."""
    batches = [_resampled(matches, some) for some in weights]
    if not batches:
        return Resampled({}, np.empty((0, len(matches.lines))))
    names = batches[0].figures
    return Resampled(
        {name: np.concatenate([batch.figures[name] for batch in batches]) for name in names},
        np.concatenate([batch.ap for batch in batches]),
    )


def _resampled(matches: CocoMatches, weights: Float64[np.ndarray, "some images"]) -> Resampled:
    some, classes, limits = len(weights), len(matches.lines), len(matches.max_dets)
    precision = np.empty((classes, some, len(AREAS), len(IOU_THRESHOLDS), len(RECALLS)))
    recall = np.empty((classes, some, limits, len(AREAS), len(IOU_THRESHOLDS)))

    def trace(k: int) -> None:
        retrace(matches.lines[k], weights, RECALLS, precision[k], recall[k])

    def means(figure: Figure) -> Float64[np.ndarray, " some"] | None:
        of = precision if figure.of == "precision" else recall[:, :, figure.limit]
        chosen = of[:, :, list(AREAS).index(figure.area)]
        known = (chosen.reshape(classes, -1) > -1).all(axis=1)
        if figure.iou is not None:
            chosen = chosen[:, :, threshold(figure.iou)]
        # Laid out as the plain figure's entries are: their sum then has its bits.
        rows = np.ascontiguousarray(np.moveaxis(chosen[known], 0, -1)).reshape(some, -1)
        return rows.mean(axis=1) if known.any() else None

    in_threads(trace, range(classes))
    columns = zip(FIGURES, in_threads(means, FIGURES.values()), strict=True)
    by_class = precision[:, :, list(AREAS).index("all")].mean(axis=(2, 3))
    return Resampled(
        {name: column for name, column in columns if column is not None},
        np.where(by_class > -1, by_class, np.nan).T,
    )
