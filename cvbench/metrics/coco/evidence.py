"""Diagnostics of COCO metrics as tables: precision-recall curves, confusion matrix, errors."""

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
"""IoU thresholds of the stored curves."""


def explain_figures(
    truth: CocoTruth, detections: CocoDetections, *, evaluation: CocoEvaluation
) -> list[Evidence]:
    """All three tables; an empty list without objects to be found."""
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
    """Precision and score at 101 recalls, for each class that has objects.

    Recalls that are not reached are left out; their precision is 0.
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
    """The score threshold with the highest F1."""

    score: float
    f1: float


def best_score(truth: CocoTruth, detections: CocoDetections, *, classes: int) -> BestScore:
    """The score threshold with the highest F1 over all classes, with COCO matching at IoU 0.5.

    In a tie the higher score; 0 if nothing is matched.
    """
    settings = MatchSettings(np.array([FOUND]), ((0, np.inf),), (100,))
    _, found, objects = match_images(truth, detections, settings, classes=classes)
    counting = np.flatnonzero((found.level == 0) & (found.void == 0))
    sort_by_falling_score(counting, found.score)
    score, to_find = found.score[counting], int((~objects.crowd).sum())
    hits = np.cumsum(found.found[counting] != 0)
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + to_find)
    last = np.append(score[1:] != score[:-1], True) if len(score) else np.zeros(0, np.bool_)  # of a tie
    if not hits.any():
        return BestScore(0.0, 0.0)
    at = int(np.flatnonzero(last)[np.argmax(f1[last])])
    return BestScore(float(score[at]), float(f1[at]))


def confusion_from(
    truth: CocoTruth, detections: CocoDetections, score: float, *, classes: int
) -> Int64[np.ndarray, "true predicted"]:
    """Confusion matrix: true class (rows) by detected class (columns), with one extra row and column.

    Detections of at least `score`, highest score first, each match the unmatched object of any class with the
    highest IoU, at least 0.5. The last column counts unmatched objects, the last row unmatched detections;
    detections in a crowd are not counted.
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
