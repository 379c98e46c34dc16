"""Cost of each kind of detection error in AP50.

Source: Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020.
The paper leaves the order of the checks open; here it is localisation, classification, duplicate,
background, and otherwise both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.cpu.coco_matching import Candidates
from cvbench.boxes.cpu.coco_overlap import Standing, find_candidates
from cvbench.boxes.cpu.sorting import group, sort_by_falling_score
from cvbench.boxes.jit import compiled
from cvbench.metrics.coco.evaluation import RECALLS
from cvbench.metrics.coco.matching import (
    CocoDetections,
    CocoTruth,
    GroupedDetections,
    GroupedObjects,
    MatchSettings,
    match_images,
)

ErrorKind: TypeAlias = Literal["classification", "localisation", "both", "duplicate", "background", "missed"]

KINDS: tuple[ErrorKind, ...] = ("classification", "localisation", "both", "duplicate", "background")
"""Kinds of false positives; the index is the code in the compiled loop."""
NEAR = 0.1
"""Minimum IoU for an error to be attributed to an object."""
FOUND = 0.5
"""IoU threshold of a match."""


@dataclass(frozen=True)
class Errors:
    """The errors that lower AP50."""

    ap50: float
    """COCO's AP50, the mean over the classes that have objects."""
    costs: Mapping[ErrorKind, float]
    """Increase of AP50 if only errors of one kind were corrected. The costs do not add up to 1 - AP50,
    because errors mask one another."""
    counts: Mapping[ErrorKind, int]
    """Number of erroneous detections (for `missed`: of objects)."""


def explain_errors(truth: CocoTruth, detections: CocoDetections, *, classes: int) -> Errors | None:
    """The errors of detections at IoU 0.5, and the cost of each kind; None without objects to be found.

    - classification: IoU of at least 0.5 with an object of another class. Corrected by changing the class.
    - localisation: IoU of 0.1 to 0.5 with an object of its class. Corrected by moving the box.
    - both: IoU of 0.1 to 0.5 with objects of other classes only. Corrected by removing it.
    - duplicate: matches an object that a detection with a higher score has matched. Corrected by removing it.
    - background: IoU below 0.1 with every object. Corrected by removing it.
    - missed: an object without a match and without a classification or localisation error. Corrected by
      removing the object; a class left without objects keeps its AP of 0.

    Of several classification and localisation errors on one object, the one with the highest score is
    corrected, as in TIDE; the others, or all if the object is matched anyway, are removed. Crowds cause no
    errors.
    """
    settings = MatchSettings(np.array([FOUND]), ((0, np.inf),), (100,))
    _, found, objects = match_images(truth, detections, settings, classes=classes)
    to_find = np.bincount(objects.label[~objects.crowd], minlength=classes)
    if not to_find.any():
        return None
    counting = (found.level == 0) & (found.void == 0)
    true = counting & (found.found != 0)
    blame = _blame(truth, detections, found, objects, counting & ~true)
    free = (blame.target >= 0) & (objects.taken[blame.target] == 0)
    costs: dict[ErrorKind, float] = {}
    counts: dict[ErrorKind, int] = {}
    plain = _ap50(found.label, found.score, true, counting, to_find)
    reachable = np.zeros(len(objects.label), np.bool_)
    best_of_both = np.zeros(len(blame.kind), np.bool_)
    best_of_both[_best_for_each(blame.target, free, found.score)] = True
    for code, kind in enumerate(KINDS):
        at_fault = blame.kind == code
        counts[kind] = int(at_fault.sum())
        label, right = found.label.copy(), true
        if kind in ("classification", "localisation"):
            reachable[blame.target[at_fault]] = True
            best = np.flatnonzero(at_fault & best_of_both)
            label[best] = objects.label[blame.target[best]]
            right = true.copy()
            right[best] = True
        costs[kind] = _ap50(label, found.score, right, counting & (right | ~at_fault), to_find) - plain
    missed = ~objects.crowd & (objects.taken == 0) & ~reachable
    counts["missed"] = int(missed.sum())
    asked = to_find - np.bincount(objects.label[missed], minlength=classes)
    costs["missed"] = _ap50(found.label, found.score, true, counting, asked, among=to_find > 0) - plain
    return Errors(plain, costs, counts)


class _Blame(NamedTuple):
    kind: Int64[np.ndarray, " detections"]
    """Index into KINDS; -1 if the detection is not an error."""
    target: Int64[np.ndarray, " detections"]
    """The object of a classification or localisation error; else -1."""


def _blame(
    truth: CocoTruth,
    detections: CocoDetections,
    found: GroupedDetections,
    objects: GroupedObjects,
    false: Bool[np.ndarray, " detections"],
) -> _Blame:
    """Kind and target of each false positive."""
    single = np.flatnonzero(~objects.crowd)
    images = np.arange(1 + max(found.image.max(initial=-1), objects.image.max(initial=-1)) + 1)
    # One label for all, so that objects of every class are candidates.
    candidates = find_candidates(
        Standing(found.place, np.zeros_like(found.label), np.searchsorted(found.image, images)),
        np.where(false, 0, 1),
        1,
        detections.regions,
        Standing(
            objects.place[single], np.zeros_like(single), np.searchsorted(objects.image[single], images)
        ),
        np.zeros(len(single), np.bool_),
        truth.regions,
        NEAR,
    )
    kind, target = judge(candidates, found.label, false, objects.label[single], FOUND)
    return _Blame(kind, np.where(target >= 0, np.append(single, -1)[target], -1))


@compiled
def judge(
    candidates: Candidates,
    label: Int64[np.ndarray, " detections"],
    false: Bool[np.ndarray, " detections"],
    object_label: Int64[np.ndarray, " objects"],
    found_from: float,
) -> tuple[Int64[np.ndarray, " detections"], Int64[np.ndarray, " detections"]]:
    """Kind and target of each false positive; candidates are sorted by falling IoU."""
    kind = np.full(len(label), -1)
    target = np.full(len(label), -1)
    for d in range(len(label)):
        if not false[d]:
            continue
        own, other = -1, -1
        for c in range(candidates.starts[d], candidates.starts[d + 1]):
            if object_label[candidates.objects[c]] == label[d]:
                own = c if own < 0 else own
            else:
                other = c if other < 0 else other
        if own >= 0 and candidates.ious[own] < found_from:
            kind[d], target[d] = 1, candidates.objects[own]
        elif other >= 0 and candidates.ious[other] >= found_from:
            kind[d], target[d] = 0, candidates.objects[other]
        elif own >= 0:
            kind[d] = 3
        else:
            kind[d] = 4 if other < 0 else 2
    return kind, target


def _best_for_each(
    target: Int64[np.ndarray, " n"], among: Bool[np.ndarray, " n"], score: Float64[np.ndarray, " n"]
) -> Int64[np.ndarray, " targets"]:
    """The detection with the highest score for each target."""
    order = np.flatnonzero(among)
    sort_by_falling_score(order, score)
    return order[np.unique(target[order], return_index=True)[1]]


def _ap50(
    label: Int64[np.ndarray, " n"],
    score: Float64[np.ndarray, " n"],
    true: Bool[np.ndarray, " n"],
    counting: Bool[np.ndarray, " n"],
    to_find: Int64[np.ndarray, " classes"],
    *,
    among: Bool[np.ndarray, " classes"] | None = None,
) -> float:
    """COCO's AP at IoU 0.5: the mean over the classes that have objects, or over `among`."""
    there = np.flatnonzero(counting)
    members = group(label[there], len(to_find))
    aps = []
    for k in np.flatnonzero(to_find > 0 if among is None else among):
        order = there[members.order[members.starts[k] : members.starts[k + 1]]]
        sort_by_falling_score(order, score)
        hits = np.cumsum(true[order])
        precision = hits / (np.arange(1, len(order) + 1) + np.spacing(1))
        best = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(hits / max(to_find[k], 1), RECALLS)
        aps.append(best[at[at < len(order)]].sum() / len(RECALLS))
    return float(np.mean(aps))
