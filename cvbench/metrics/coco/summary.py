"""The twelve figures of the COCO challenge, and what stands behind them: by class, and as curves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from cvbench.metrics.coco.evaluation import AREAS, IOU_THRESHOLDS, RECALLS, CocoEvaluation


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


class Curve(NamedTuple):
    """Precision against recall; a recall that is never reached has precision 0."""

    recall: Float64[np.ndarray, " recalls"]
    precision: Float64[np.ndarray, " recalls"]
    score: Float64[np.ndarray, " recalls"]
    """The score at which each recall is reached."""


def curve(evaluation: CocoEvaluation, label: int, *, iou: float = 0.5, area: str = "all") -> Curve | None:
    """The curve of one class, at the largest limit on detections; None where there is no object."""
    where = threshold(iou), slice(None), label, list(AREAS).index(area), -1
    if evaluation.precision[where][0] < 0:
        return None
    return Curve(RECALLS, evaluation.precision[where], evaluation.scores[where])


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
    known = chosen.reshape(-1, chosen.shape[-1])[0] > -1
    return float(np.mean(chosen[..., known].ravel())) if known.any() else None


def threshold(iou: float) -> int:
    """Which threshold an IoU is; raises ValueError where it is none."""
    places = np.flatnonzero(np.isclose(IOU_THRESHOLDS, iou))
    if not len(places):
        raise ValueError(f"IoU {iou} is none of the thresholds {IOU_THRESHOLDS.round(2).tolist()}")
    return int(places[0])
