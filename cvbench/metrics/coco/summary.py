"""The twelve COCO metrics from an evaluation, in total, per class and per bootstrap resample."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from cvbench.boxes.threads import in_threads
from cvbench.metrics.coco.accumulate import retrace
from cvbench.metrics.coco.evaluation import AREAS, IOU_THRESHOLDS, RECALLS, CocoEvaluation, DatasetMatches


class Figure(NamedTuple):
    """Definition of a COCO metric: the entries of an evaluation that it averages."""

    of: str
    """`precision` or `recall`."""
    area: str = "all"
    limit: int = -1
    """Index into the `max_dets` limits."""
    iou: float | None = None
    """IoU threshold; None means all thresholds."""


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
"""In the order of COCO's summary. The names AR1, AR10 and AR100 refer to the default limits."""


def value(evaluation: CocoEvaluation, figure: Figure, *, label: int | None = None) -> float | None:
    """The metric over all classes, or of one class; None without objects to be found."""
    of = evaluation.precision if figure.of == "precision" else evaluation.recall
    chosen = entries(of, figure)
    return mean(chosen if label is None else chosen[..., label : label + 1])


def values(evaluation: CocoEvaluation) -> dict[str, float | None]:
    """The twelve metrics by name."""
    return {name: value(evaluation, figure) for name, figure in FIGURES.items()}


def entries(
    of: Float64[np.ndarray, "... areas limits"], figure: Figure
) -> Float64[np.ndarray, "... classes"]:
    """The entries of precision or recall that a metric averages."""
    chosen = of[..., list(AREAS).index(figure.area), figure.limit]
    return chosen if figure.iou is None else chosen[threshold(figure.iou)]


def mean(chosen: Float64[np.ndarray, "... classes"]) -> float | None:
    """The mean over the classes that have objects; None if there are none.

    The order of the sum is that of pycocotools, for bit-identical results.
    """
    known = chosen[(0,) * (chosen.ndim - 1)] > -1
    return float(np.mean(chosen[..., known].ravel())) if known.any() else None


def threshold(iou: float) -> int:
    """Index of an IoU threshold; raises ValueError if it is not one."""
    places = np.flatnonzero(np.isclose(IOU_THRESHOLDS, iou))
    if not len(places):
        raise ValueError(f"IoU {iou} is not one of the thresholds {IOU_THRESHOLDS.round(2).tolist()}")
    return int(places[0])


def resamples(matches: DatasetMatches) -> int:
    """Bootstrap resamples per interval: 1000, or fewer (at least 200) for large datasets, to save time."""
    work = sum(len(line.hit_image) + len(line.miss_image) // 16 for line in matches.lines)
    return max(200, min(1000, 2_000_000 // (work + 1)))


class Resampled(NamedTuple):
    """Metrics under each weighting of the images."""

    figures: dict[str, Float64[np.ndarray, " resamples"]]
    """By name; metrics without a value are left out."""
    ap: Float64[np.ndarray, "resamples classes"]
    """AP per class; NaN for a class without objects."""


def resampled_figures(
    matches: DatasetMatches, weights: Iterable[Float64[np.ndarray, "some images"]]
) -> dict[str, Float64[np.ndarray, " resamples"]]:
    """Each metric under each weighting of the images in `matches`; metrics without a value are left out.

    Weights are positive integers. Weights of 1 give a bit-identical metric.
    """
    return resampled(matches, weights).figures


def resampled(matches: DatasetMatches, weights: Iterable[Float64[np.ndarray, "some images"]]) -> Resampled:
    """As `resampled_figures`, with the AP per class."""
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
        # The memory layout of the unweighted metric, for bit-identical sums.
        rows = np.ascontiguousarray(np.moveaxis(chosen[known], 0, -1)).reshape(some, -1)
        return rows.mean(axis=1) if known.any() else None

    in_threads(trace, range(classes))
    columns = zip(FIGURES, in_threads(means, FIGURES.values()), strict=True)
    by_class = precision[:, :, list(AREAS).index("all")].mean(axis=(2, 3))
    return Resampled(
        {name: column for name, column in columns if column is not None},
        np.where(by_class > -1, by_class, np.nan).T,
    )
