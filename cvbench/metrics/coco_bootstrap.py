"""How sure the COCO figures are: matched once, weighted again and again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float64

from cvbench.metrics.coco_curves import retrace
from cvbench.metrics.coco_evaluation import AREAS, IOU_THRESHOLDS, RECALLS, CocoMatches
from cvbench.metrics.coco_figures import FIGURES, entries, mean
from cvbench.metrics.threads import in_threads


def resamples(matches: CocoMatches) -> int:
    """How many resamples an interval takes: a thousand, and fewer where they would take seconds."""
    work = sum(len(line.hit_image) + len(line.miss_image) // 16 for line in matches.lines)
    return max(200, min(1000, 2_000_000 // (work + 1)))


def resampled_figures(
    matches: CocoMatches, weights: Iterable[Float64[np.ndarray, "some images"]]
) -> dict[str, Float64[np.ndarray, " resamples"]]:
    """Each figure under each weighting of the images in `matches`; figures without a value are left out.

    Weights are whole numbers above 0. All 1 gives the plain figure to the bit.
    """
    rows = [row for some in weights for row in _figures(matches, some)]
    columns = {name: [row[name] for row in rows] for name in FIGURES}
    return {name: np.array(column, np.float64) for name, column in columns.items() if None not in column}


def _figures(
    matches: CocoMatches, weights: Float64[np.ndarray, "some images"]
) -> list[dict[str, float | None]]:
    some, classes, limits = len(weights), len(matches.lines), len(matches.max_dets)
    precision = np.empty((classes, some, len(AREAS), len(IOU_THRESHOLDS), len(RECALLS)))
    recall = np.empty((classes, some, limits, len(AREAS), len(IOU_THRESHOLDS)))

    def trace(k: int) -> None:
        retrace(matches.lines[k], limits, weights, RECALLS, precision[k], recall[k])

    def figures(r: int) -> dict[str, float | None]:
        of = {
            "precision": precision[:, r].transpose(2, 3, 0, 1)[..., None],
            "recall": recall[:, r].transpose(3, 0, 2, 1),
        }
        return {name: mean(entries(of[figure.of], figure)) for name, figure in FIGURES.items()}

    in_threads(trace, range(classes))
    return in_threads(figures, range(some))
