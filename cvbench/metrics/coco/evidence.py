"""Why the COCO figures are what they are, as tables: curves, confusion, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64

from cvbench.boxes.cpu.coco_overlap import Standing, find_candidates
from cvbench.boxes.cpu.sorting import sort_by_falling_score
from cvbench.interfaces import Evidence
from cvbench.metrics.coco.error_analysis import FOUND, explain_errors
from cvbench.metrics.coco.evaluation import AREAS, IOU_THRESHOLDS, RECALLS, CocoEvaluation
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth, MatchSettings, match_images
from cvbench.metrics.per_image import confusion_evidence

CURVES = (0.5, 0.75)
"""The IoU thresholds whose curves are kept."""


def explain_figures(
    truth: CocoTruth, detections: CocoDetections, *, evaluation: CocoEvaluation
) -> list[Evidence]:
    """All three tables; none where there is no object to be found."""
    classes = len(evaluation.objects)
    errors = explain_errors(truth, detections, classes=classes)
    if errors is None:
        return []
    best = best_score(truth, detections, classes=classes)
    costs: dict[str, Sequence[object]] = {
        "kind": list(errors.costs),
        "cost": list(errors.costs.values()),
        "count": [errors.counts[kind] for kind in errors.costs],
    }
    return [
        curves(evaluation),
        confusion_evidence(
            confusion_from(truth, detections, best.score, classes=classes),
            unit="objects",
            iou=f"{FOUND}",
            score=f"{best.score:.6g}",
            f1=f"{best.f1:.6g}",
        ),
        Evidence("errors", costs, {"ap50": f"{errors.ap50:.6g}", "iou": f"{FOUND}"}),
    ]


def curves(evaluation: CocoEvaluation) -> Evidence:
    """Precision, and the score at which it is reached, at 101 recalls for each class that has objects.

    Recalls that are never reached are left out: precision is 0 there.
    """
    whole = list(AREAS).index("all")
    rows: dict[str, list[float]] = {name: [] for name in ("label", "iou", "recall", "precision", "score")}
    for iou in CURVES:
        t = int(np.argmin(np.abs(IOU_THRESHOLDS - iou)))
        for label in np.flatnonzero(evaluation.objects[:, whole] > 0).tolist():
            precision = evaluation.precision[t, :, label, whole, -1]
            reached = np.flatnonzero(evaluation.recall[t, label, whole, -1] >= RECALLS)
            rows["label"] += [label] * len(reached)
            rows["iou"] += [iou] * len(reached)
            rows["recall"] += RECALLS[reached].tolist()
            rows["precision"] += precision[reached].tolist()
            rows["score"] += evaluation.scores[t, reached, label, whole, -1].tolist()
    return Evidence("curves", rows, {})


class BestScore(NamedTuple):
    """The score from which on detections are best believed."""

    score: float
    f1: float


def best_score(truth: CocoTruth, detections: CocoDetections, *, classes: int) -> BestScore:
    """The score at which the harmonic mean of precision and recall, over all classes, is highest.

    An object is found by a detection of its class that overlaps it by half, as COCO matches them.
    Among equals the higher score; 0 where nothing is found at any.
    """
    settings = MatchSettings(np.array([FOUND]), ((0, np.inf),), (100,))
    _, found, objects = match_images(truth, detections, settings, classes=classes)
    counting = np.flatnonzero((found.level == 0) & (found.void == 0))
    sort_by_falling_score(counting, found.score)
    score, to_find = found.score[counting], int((~objects.crowd).sum())
    hits = np.cumsum(found.found[counting] != 0)
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + to_find)
    last = np.append(score[1:] != score[:-1], True) if len(score) else np.zeros(0, np.bool_)  # of equals
    if not hits.any():
        return BestScore(0.0, 0.0)
    at = int(np.flatnonzero(last)[np.argmax(f1[last])])
    return BestScore(float(score[at]), float(f1[at]))


def confusion_from(
    truth: CocoTruth, detections: CocoDetections, score: float, *, classes: int
) -> Int64[np.ndarray, "true predicted"]:
    """Objects by true class (rows) and by the class of who found them (columns), with one more of each.

    Detections of at least `score`, best first, each take the free object of any class that they overlap
    most, if by half. The last column holds objects that nobody took, the last row detections that took
    none; those that lie in a crowd are nowhere.
    """
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    kept = np.flatnonzero(detections.score >= score)
    sort_by_falling_score(kept, detections.score)
    kept = kept[np.argsort(detections.image[kept], kind="stable")]
    objects = np.argsort(truth.image, kind="stable")
    images = np.union1d(truth.image, detections.image[kept])
    candidates = find_candidates(
        Standing(kept, np.zeros_like(kept), _starts(detections.image[kept], images)),
        np.zeros_like(kept),
        1,
        detections.regions,
        Standing(objects, np.zeros_like(objects), _starts(truth.image[objects], images)),
        truth.crowd[objects],
        truth.regions,
        FOUND,
    )
    taken: Bool[np.ndarray, " objects"] = np.zeros(len(objects), np.bool_)
    crowd, true_label = truth.crowd[objects], truth.label[objects]
    for d, label in enumerate(detections.label[kept].tolist()):
        near = candidates.objects[candidates.starts[d] : candidates.starts[d + 1]]
        free = [g for g in near.tolist() if not taken[g]]
        single = [g for g in free if not crowd[g]]
        if single:
            taken[single[0]] = True
            counts[true_label[single[0]], label] += 1
        elif not free:
            counts[classes, label] += 1
    np.add.at(counts[:, classes], true_label[~taken & ~crowd], 1)
    return counts


def _starts(
    sorted_images: Int64[np.ndarray, " n"], images: Int64[np.ndarray, " images"]
) -> Int64[np.ndarray, " images+1"]:
    return np.append(np.searchsorted(sorted_images, images), len(sorted_images))
