"""The twelve figures of the COCO challenge, and what stands behind them: by class, and as curves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from cvbench.boxes.threads import in_threads
from cvbench.metrics.coco.accumulate import retrace
from cvbench.metrics.coco.evaluation import AREAS, IOU_THRESHOLDS, RECALLS, CocoEvaluation, DatasetMatches


class Figure(NamedTuple):
    """Which entries of an evaluation a figure is the mean of."""

    of: str
    """`precision` or `recall`."""
    area: str = "all"
    limit: int = -1
    """Which of the limits on detections: its place among them."""
    iou: float | None = None
    """One threshold; None means all of them."""


FIGURES = {
    "AP": Figure("precision"),
    "AP50": Figure("precision", iou=0.5),
    "AP75": Figure("precision", iou=0.75),
    "APs": Figure("precision", area="small"),
    "APm": Figure("precision", area="medium"),
    "APl": Figure("precision", area="large"),
    "AR1": Figure("recall", limit=0),
    "AR10": Figure("recall", limit=1),
    "AR100": Figure("recall", limit=2),
    "ARs": Figure("recall", area="small"),
    "ARm": Figure("recall", area="medium"),
    "ARl": Figure("recall", area="large"),
}
"""In the order of the reference's summary. AR1, AR10 and AR100 are named by the default limits."""


def value(evaluation: CocoEvaluation, figure: Figure, *, label: int | None = None) -> float | None:
    """The figure over all classes, or of one; None where there is no object to be found."""
    of = evaluation.precision if figure.of == "precision" else evaluation.recall
    chosen = entries(of, figure)
    return mean(chosen if label is None else chosen[..., label : label + 1])


def values(evaluation: CocoEvaluation) -> dict[str, float | None]:
    """The twelve figures by name."""
    return {name: value(evaluation, figure) for name, figure in FIGURES.items()}


def entries(
    of: Float64[np.ndarray, "... areas limits"], figure: Figure
) -> Float64[np.ndarray, "... classes"]:
    """The entries of precision or recall that a figure is the mean of."""
    chosen = of[..., list(AREAS).index(figure.area), figure.limit]
    return chosen if figure.iou is None else chosen[threshold(figure.iou)]


def mean(chosen: Float64[np.ndarray, "... classes"]) -> float | None:
    """Their mean over the classes that have objects; None where none has.

    The sum runs in the reference's order, so that the result has its bits.
    """
    known = chosen[(0,) * (chosen.ndim - 1)] > -1
    return float(np.mean(chosen[..., known].ravel())) if known.any() else None


def threshold(iou: float) -> int:
    """Which threshold an IoU is; raises ValueError where it is none."""
    places = np.flatnonzero(np.isclose(IOU_THRESHOLDS, iou))
    if not len(places):
        raise ValueError(f"IoU {iou} is none of the thresholds {IOU_THRESHOLDS.round(2).tolist()}")
    return int(places[0])


def resamples(matches: DatasetMatches) -> int:
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
    matches: DatasetMatches, weights: Iterable[Float64[np.ndarray, "some images"]]
) -> dict[str, Float64[np.ndarray, " resamples"]]:
    """Each figure under each weighting of the images in `matches`; figures without a value are left out.

    Weights are whole numbers above 0. All 1 gives the plain figure to the bit.
    """
    return resampled(matches, weights).figures


def resampled(matches: DatasetMatches, weights: Iterable[Float64[np.ndarray, "some images"]]) -> Resampled:
    """The same, and each class's AP."""
    batches = [_resampled(matches, some) for some in weights]
    if not batches:
        return Resampled({}, np.empty((0, len(matches.lines))))
    names = batches[0].figures
    return Resampled(
        {name: np.concatenate([batch.figures[name] for batch in batches]) for name in names},
        np.concatenate([batch.ap for batch in batches]),
    )


def _resampled(matches: DatasetMatches, weights: Float64[np.ndarray, "some images"]) -> Resampled:
    some, classes, limits = len(weights), len(matches.lines), len(matches.max_dets)
    precision = np.empty((classes, some, len(AREAS), len(IOU_THRESHOLDS), len(RECALLS)))
    recall = np.empty((classes, some, limits, len(AREAS), len(IOU_THRESHOLDS)))

    def trace(k: int) -> None:
        retrace(matches.lines[k], weights, RECALLS, precision[k], recall[k])

    def means(figure: Figure) -> Float64[np.ndarray, " some"] | None:
        of = precision if figure.of == "precision" else recall[:, :, figure.limit]
        chosen = of[:, :, list(AREAS).index(figure.area)]
        known = (chosen > -1).all(axis=tuple(range(1, chosen.ndim)))
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
