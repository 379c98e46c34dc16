"""Where the difference between two protocols comes from: the figure after each rule is changed.

One plain evaluation carries out any set of rules. With those of a protocol it gives that protocol's
figure, so the steps lead from one figure to the other and nothing is left over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.errors import InputError
from cvbench.metrics.coco.evaluation import RECALLS
from cvbench.metrics.coco.sorting import group, sort_by_falling_score
from cvbench.metrics.files.coco import CocoFiles
from cvbench.metrics.files.conversion import to_coco, to_voc
from cvbench.metrics.files.judging import IGNORED, TRUE, Shapes, Task, judge
from cvbench.metrics.files.rules import RULES, Rules, changes
from cvbench.metrics.files.voc import VocFiles
from cvbench.metrics.voc.evaluation import VocCurve, VocRule, average_precision


class Step(NamedTuple):
    """One rule changed, and the figure then."""

    what: str
    before: str
    after: str
    value: float
    change: float


class Explanation(NamedTuple):
    """Two figures of the same predictions, and the way from one to the other."""

    start: float
    end: float
    steps: tuple[Step, ...]


def explain_difference(files: CocoFiles | VocFiles, start: str, end: str) -> Explanation:
    """The figures (AP, or mAP) of two protocols for boxes, and what each rule that differs adds.

    What a rule adds depends on the rules that were changed before it: they are changed in the order of
    `Rules`. Raises InputError where there is no object to be found.
    """
    scene = _Scene(files)
    first = value = scene.figure(RULES[start])
    steps = []
    for change in changes(RULES[start], RULES[end]):
        after = scene.figure(change.rules)
        steps.append(Step(change.what, change.before, change.after, after, after - value))
        value = after
    return Explanation(first, value, tuple(steps))


class _Scene:
    """Detections and objects in the forms of both layouts."""

    def __init__(self, files: CocoFiles | VocFiles) -> None:
        self.coco = to_coco(files) if isinstance(files, VocFiles) else files
        self.voc = to_voc(files) if isinstance(files, CocoFiles) else files

    def figure(self, rules: Rules) -> float:
        """The mean over the classes that have objects to be found."""
        truth = self.coco.truth
        excused = truth.crowd | self.coco.difficult if rules.excused != "crowds" else truth.crowd
        to_find = np.bincount(truth.label[~excused], minlength=len(self.coco.classes))
        if not to_find.any():
            raise InputError("there is no object to be found, so there is no figure to explain")
        known = np.flatnonzero(to_find)
        read = [self._read(rules, int(k), excused, int(to_find[k])) for k in known]
        # In the order of COCO's mean, (thresholds, recalls, classes), so that the sum has its bits.
        return float(np.mean(np.ascontiguousarray(np.stack(read, axis=-1)).ravel()))

    def _read(
        self, rules: Rules, label: int, excused: Bool[np.ndarray, " objects"], to_find: int
    ) -> Float64[np.ndarray, "thresholds readings"]:
        """What is read off the curves of a class, threshold by threshold."""
        own, task = self._task(rules, label, excused)
        places = np.argsort(own) if rules.ties == "by file" else np.arange(len(own))
        sort_by_falling_score(places, self.coco.detections.score[own])
        readings = []
        for threshold in rules.thresholds:
            least = min(threshold, 1 - 1e-10)
            fate = judge(
                task,
                least,
                rules.strict,
                rules.excused == "crowds",
                rules.choice == "best free",
                rules.edges == "pixels",
            )[places]
            readings.append(_reading(fate[fate != IGNORED] == TRUE, to_find, rules))
        return np.array(readings)

    def _task(
        self, rules: Rules, label: int, excused: Bool[np.ndarray, " objects"]
    ) -> tuple[Int64[np.ndarray, " n"], Task]:
        """The detections of a class that count, by image and falling score, and what they are held to."""
        truth, found, images = self.coco.truth, self.coco.detections, self.coco.images
        objects = np.flatnonzero(truth.label == label)
        by_image = group(truth.image[objects], images)
        objects = objects[by_image.order]
        own = np.flatnonzero(found.label == label)
        sort_by_falling_score(own, found.score)
        grouped = group(found.image[own], images)
        own, starts = own[grouped.order], grouped.starts
        if rules.limit is not None:
            rank = np.arange(len(own)) - starts[found.image[own]]
            own = own[rank < rules.limit]
            starts = group(found.image[own], images).starts
        lost = np.zeros(len(objects), np.bool_)
        if rules.first_id == "lost" and truth.id is not None:
            lost = truth.id[objects] == 0
        task = Task(
            Shapes(found.regions.xywh[own], self.voc.detections.boxes[own]),
            starts,
            Shapes(truth.regions.xywh[objects], self.voc.truth.boxes[objects]),
            by_image.starts,
            excused[objects],
            lost,
        )
        return own, task


def _reading(true: Bool[np.ndarray, " n"], to_find: int, rules: Rules) -> Float64[np.ndarray, " readings"]:
    """What is read off the curve of detections by falling score."""
    hits = np.cumsum(true).astype(np.float64)
    misses = np.cumsum(~true).astype(np.float64)
    if isinstance(rules.reading, VocRule):
        curve = VocCurve(hits / to_find, hits / (hits + misses))
        return np.atleast_1d(average_precision(curve, rules.reading))
    precision = hits / (misses + hits + np.spacing(1))
    best = np.maximum.accumulate(precision[::-1])[::-1]
    reached = np.searchsorted(hits / to_find, RECALLS)
    return np.append(best, 0.0)[reached]
