"""Why an average precision is what it is: how much of it each kind of error costs.

Source: Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020.
Where the paper leaves the order of questions open, it is: poorly placed on an object of its class? on
an object of another class? on one already found? on nothing? Everything else is both.
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
"""What a false detection can be; its place here is its number in the compiled loop."""
NEAR = 0.1
"""An object overlapped by less is not what a detection was meant for."""
FOUND = 0.5
"""An object overlapped by so much is found."""


@dataclass(frozen=True)
class Errors:
    """What kept AP50 from being 1."""

    ap50: float
    """The mean over the classes that have objects, as COCO has it."""
    costs: Mapping[ErrorKind, float]
    """By how much AP50 would rise if errors of one kind, and no others, were put right. The costs do
    not add up to the whole loss: errors hide one another."""
    counts: Mapping[ErrorKind, int]
    """How many detections (and, of `missed`, objects) are at fault."""


def explain_errors(truth: CocoTruth, detections: CocoDetections, *, classes: int) -> Errors | None:
    """The errors of detections at IoU 0.5, and what each kind costs; None without an object to be found.

    - classification: on an object of another class; would be right with that class.
    - localisation: overlaps an object of its class by 0.1 to 0.5; would be right if it fitted.
    - both: overlaps objects of other classes only, by 0.1 to 0.5. Would better not be there.
    - duplicate: on an object that a better detection has found. Would better not be there.
    - background: overlaps no object by 0.1. Would better not be there.
    - missed: an object that nobody found, and that no classification or localisation error was meant
      for. Would better not be asked for; a class left without objects so keeps its 0.

    Of several classification and localisation errors that would be right about one object the best of
    both kinds counts, as in TIDE; the others, or all if the object is found anyway, are taken away.
    Crowds are nobody's error.
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
    """Place among KINDS; -1 where nothing is wrong."""
    target: Int64[np.ndarray, " detections"]
    """The object that it was meant for, in errors of classification and localisation; else -1."""


def _blame(
    truth: CocoTruth,
    detections: CocoDetections,
    found: GroupedDetections,
    objects: GroupedObjects,
    false: Bool[np.ndarray, " detections"],
) -> _Blame:
    """What is wrong with each false detection."""
    single = np.flatnonzero(~objects.crowd)
    images = np.arange(1 + max(found.image.max(initial=-1), objects.image.max(initial=-1)) + 1)
    # With one label for all, every object of the image is looked at.
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
    """Kind and target of each false detection, from the objects near it, best first."""
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
    """Of the detections with one target the one with the highest score, for each target."""
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
    """COCO's AP at IoU 0.5, the mean over the classes that have objects, or over those given."""
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
