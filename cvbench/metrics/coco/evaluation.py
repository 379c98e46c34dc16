"""The COCO evaluation: from flat arrays to precision, recall and scores in every setting.

It has three steps. Per image, detections are ranked and matched in all settings together. Per class, they
are sorted by score. Then curves are traced, with every image counted once or with image weights.

Source: Lin et al., Microsoft COCO: Common Objects in Context, 2014. The arrays are bit-identical to
pycocotools 2.0.11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from cvbench.boxes.cpu.sorting import group, sort_by_falling_score
from cvbench.boxes.threads import in_threads
from cvbench.metrics.coco.accumulate import ClassDetections, hits_before, positives, trace_curves
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth, MatchSettings, match_images

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
AREAS = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
"""In pixels², both ends inclusive: an area of exactly 1024 is small and medium."""
MAX_DETS = (1, 10, 100)
"""Limits on the number of detections per image and class."""


@dataclass(frozen=True, eq=False)
class CocoEvaluation:
    """The arrays of pycocotools' `COCOeval.eval`; -1 means no object to be found."""

    precision: Float64[np.ndarray, "thresholds recalls classes areas limits"]
    recall: Float64[np.ndarray, "thresholds classes areas limits"]
    scores: Float64[np.ndarray, "thresholds recalls classes areas limits"]
    """The score at which each recall is reached."""
    objects: Float64[np.ndarray, "classes areas"]
    """Number of objects to be found, or their total weight with image weights."""
    max_dets: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class DatasetMatches:
    """Matched detections sorted by score: input of the curves for any weighting of the images."""

    lines: Sequence[ClassDetections]
    """One per class."""
    numbers: Int64[np.ndarray, " images"]
    """Numbers of all images with objects or detections, ascending."""
    max_dets: tuple[int, ...]

    def evaluate(self, weights: Float64[np.ndarray, " images"] | None = None) -> CocoEvaluation:
        """The curves, with every image counted once or by its weight.

        Weights are integers, in the order of `numbers`. Weights of 1 give bit-identical arrays.
        """
        if weights is None:
            weights = np.ones(len(self.numbers))
        shape = len(self.lines), len(self.max_dets), len(AREAS), len(IOU_THRESHOLDS), len(RECALLS)
        precision, scores = np.empty(shape), np.empty(shape)
        recall = np.empty(shape[:-1])

        def trace(k: int) -> None:
            for level in range(len(self.max_dets)):
                out = precision[k, level], recall[k, : level + 1], scores[k, level]
                trace_curves(self.lines[k], level, weights, RECALLS, *out)

        in_threads(trace, range(len(self.lines)))
        objects = [positives(line, weights, len(AREAS), len(IOU_THRESHOLDS)) for line in self.lines]
        return CocoEvaluation(
            precision.transpose(3, 4, 0, 2, 1),
            recall.transpose(3, 0, 2, 1),
            scores.transpose(3, 4, 0, 2, 1),
            np.array(objects).reshape(-1, len(AREAS)),
            self.max_dets,
        )


def evaluate_coco(
    truth: CocoTruth, detections: CocoDetections, *, classes: int, max_dets: Sequence[int] = MAX_DETS
) -> CocoEvaluation:
    """Precision, recall and scores of detections, over all images that occur in either.

    IoU is that of masks if the regions are masks, otherwise of boxes. `max_dets` are limits on the number
    of detections per image and class, ascending.
    """
    return match_coco(truth, detections, classes=classes, max_dets=max_dets).evaluate()


def match_coco(
    truth: CocoTruth, detections: CocoDetections, *, classes: int, max_dets: Sequence[int] = MAX_DETS
) -> DatasetMatches:
    """Match detections to objects in every setting."""
    settings = MatchSettings(IOU_THRESHOLDS, tuple(AREAS.values()), tuple(sorted(max_dets)))
    numbers, found, objects = match_images(truth, detections, settings, classes=classes)
    size = detections.regions.area if detections.area is None else detections.area
    inside = settings.inside(size)[found.place]
    members, things = group(found.label, classes), group(objects.label, classes)

    def line_up(k: int) -> ClassDetections:
        here = members.order[members.starts[k] : members.starts[k + 1]]
        own = things.order[things.starts[k] : things.starts[k + 1]]
        is_hit = found.found[here] != 0
        hits = here[is_hit]
        sort_by_falling_score(hits, found.score)
        misses = here[~is_hit & (found.level[here] < len(max_dets))]
        between = group(hits_before(misses, hits, found.score), len(hits) + 1)
        misses = misses[between.order[: between.starts[-2]]]
        return ClassDetections(
            hit_image=found.image[hits],
            hit_score=found.score[hits],
            hit_level=found.level[hits],
            hit_inside=inside[hits],
            hit_found=found.found[hits],
            hit_void=found.void[hits],
            miss_starts=between.starts[:-1],
            miss_image=found.image[misses],
            miss_level=found.level[misses],
            miss_inside=inside[misses],
            object_image=objects.image[own],
            object_passed_over=objects.passed_over[own],
            top=float(found.score[here].max()) if len(here) else 0.0,
        )

    return DatasetMatches(in_threads(line_up, range(classes)), numbers, settings.limits)
