"""Explanation of the difference between two protocols: the AP after each rule is changed in turn.

One general evaluator implements any set of rules. With the rules of a protocol it gives that protocol's AP,
so the changes add up exactly to the difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.cpu.protocol_matching import BoxesBothWays, ClassScene, match_by_rules
from cvbench.boxes.cpu.sorting import group, sort_by_falling_score
from cvbench.boxes.cpu.voc_matching import IGNORED, TRUE
from cvbench.errors import InputError
from cvbench.metrics.coco.evaluation import IOU_THRESHOLDS, RECALLS
from cvbench.metrics.files.coco import CocoFiles
from cvbench.metrics.files.conversion import to_coco, to_voc
from cvbench.metrics.files.voc import VocFiles
from cvbench.metrics.voc.evaluation import (
    MATLAB_2007,
    MATLAB_2012,
    PYTHON_2007,
    PYTHON_2012,
    VocCurve,
    VocRule,
    average_precision,
)

Reading: TypeAlias = Literal["101 points"] | VocRule


@dataclass(frozen=True)
class Rules:
    """The rules of a protocol, in the order in which they are changed."""

    thresholds: tuple[float, ...]
    """IoU thresholds; AP is the mean over them."""
    limit: int | None
    """Maximum number of detections per image and class."""
    excused: Literal["crowds", "crowds and difficult"]
    """Ignored objects. With crowds alone, a crowd's overlap is the share of the detection that lies in it;
    with difficult objects too, it is the IoU as for all objects."""
    choice: Literal["best free", "most overlapped"]
    """How a detection is matched: to the best unmatched object, or to the one with the highest IoU."""
    strict: bool
    """Whether the IoU must exceed the threshold, not only reach it."""
    edges: Literal["corners", "pixels"]
    """Whether box sides are x2 - x1, or x2 - x1 + 1 (inclusive pixels)."""
    first_id: Literal["lost", "found"]
    """How an object with id 0 counts: pycocotools counts it as not found."""
    ties: Literal["by image", "by file"]
    """Order of equal scores: by image number, or by position in the file."""
    reading: Reading
    """How AP is computed from the precision-recall curve."""


_COCO = Rules(
    tuple(IOU_THRESHOLDS.tolist()),
    100,
    "crowds",
    "best free",
    False,
    "corners",
    "lost",
    "by image",
    "101 points",
)


def _voc(reading: VocRule) -> Rules:
    return Rules(
        (0.5,),
        None,
        "crowds and difficult",
        "most overlapped",
        reading.strict,
        "pixels",
        "found",
        "by file",
        reading._replace(strict=False),
    )


RULES = {
    "coco-bbox": _COCO,
    "voc2007": _voc(MATLAB_2007),
    "voc2012": _voc(MATLAB_2012),
    "voc2007-python": _voc(PYTHON_2007),
    "voc2012-python": _voc(PYTHON_2012),
}
"""Rules by protocol name."""


class Change(NamedTuple):
    """One changed rule, and all rules after the change."""

    what: str
    before: str
    after: str
    rules: Rules


def changes(start: Rules, end: Rules) -> Iterator[Change]:
    """The changes from one protocol to the other, one rule at a time."""
    now = start
    for field in fields(Rules):
        if getattr(now, field.name) != getattr(end, field.name):
            before, now = now, replace(now, **{field.name: getattr(end, field.name)})
            yield Change(_WHAT[field.name], _said(before, field.name), _said(now, field.name), now)


_WHAT = {
    "thresholds": "IoU thresholds",
    "limit": "detections per image and class",
    "excused": "ignored objects",
    "choice": "a detection matches",
    "strict": "required IoU",
    "edges": "box width",
    "first_id": "object with id 0",
    "ties": "order of equal scores",
    "reading": "AP from the curve",
}


def _said(rules: Rules, name: str) -> str:
    """The value of a rule, for display."""
    value = getattr(rules, name)
    if name == "thresholds":
        return f"{value[0]:g}" if len(value) == 1 else f"mean of {value[0]:g} to {value[-1]:g}"
    if name == "limit":
        return "all" if value is None else f"the best {value}"
    if name == "strict":
        return "above the threshold" if value else "at least the threshold"
    words = {
        "best free": "best unmatched object",
        "most overlapped": "object with highest IoU",
        "corners": "x2 - x1",
        "pixels": "x2 - x1 + 1",
        "lost": "counts as not found",
        "found": "like other objects",
    }
    if name == "reading" and isinstance(value, VocRule):
        if value.average == "area":
            return "area under the curve"
        return "11 points" + (", rounded as in Python" if value.points == PYTHON_2007.points else "")
    return "101 points" if name == "reading" else words.get(value, value)


class Step(NamedTuple):
    """One changed rule, and AP after the change."""

    what: str
    before: str
    after: str
    value: float
    change: float


class Explanation(NamedTuple):
    """The AP of the same predictions under two protocols, and the steps between."""

    start: float
    end: float
    steps: tuple[Step, ...]


def explain_difference(files: CocoFiles | VocFiles, start: str, end: str) -> Explanation:
    """AP (or mAP) under two box protocols, and the change that each differing rule causes.

    Rules are changed in the order of `Rules`; each change depends on the rules changed before it. Raises
    InputError if the truth has no objects to be found.
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
    """Detections and objects in both layouts."""

    def __init__(self, files: CocoFiles | VocFiles) -> None:
        self.coco = to_coco(files) if isinstance(files, VocFiles) else files
        self.voc = to_voc(files) if isinstance(files, CocoFiles) else files

    def figure(self, rules: Rules) -> float:
        """AP: the mean over the classes that have objects to be found."""
        truth = self.coco.truth
        excused = truth.crowd | self.coco.difficult if rules.excused != "crowds" else truth.crowd
        to_find = np.bincount(truth.label[~excused], minlength=len(self.coco.classes))
        if not to_find.any():
            raise InputError("the truth has no objects to be found, so AP is undefined")
        known = np.flatnonzero(to_find)
        read = [self._read(rules, int(k), excused, int(to_find[k])) for k in known]
        # In the order of COCO's mean, (thresholds, recalls, classes), for bit-identical sums.
        return float(np.mean(np.ascontiguousarray(np.stack(read, axis=-1)).ravel()))

    def _read(
        self, rules: Rules, label: int, excused: Bool[np.ndarray, " objects"], to_find: int
    ) -> Float64[np.ndarray, "thresholds readings"]:
        """The values of one class that AP averages, per threshold."""
        own, scene = self._class_scene(rules, label, excused)
        places = np.argsort(own) if rules.ties == "by file" else np.arange(len(own))
        sort_by_falling_score(places, self.coco.detections.score[own])
        readings = []
        for threshold in rules.thresholds:
            least = min(threshold, 1 - 1e-10)
            fate = match_by_rules(
                scene,
                least,
                rules.strict,
                rules.excused == "crowds",
                rules.choice == "best free",
                rules.edges == "pixels",
            )[places]
            readings.append(_reading(fate[fate != IGNORED] == TRUE, to_find, rules))
        return np.array(readings)

    def _class_scene(
        self, rules: Rules, label: int, excused: Bool[np.ndarray, " objects"]
    ) -> tuple[Int64[np.ndarray, " n"], ClassScene]:
        """The detections of a class by image and falling score, and the scene to match them in."""
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
        scene = ClassScene(
            BoxesBothWays(found.regions.xywh[own], self.voc.detections.boxes[own]),
            starts,
            BoxesBothWays(truth.regions.xywh[objects], self.voc.truth.boxes[objects]),
            by_image.starts,
            excused[objects],
            lost,
        )
        return own, scene


def _reading(true: Bool[np.ndarray, " n"], to_find: int, rules: Rules) -> Float64[np.ndarray, " readings"]:
    """The values of the precision-recall curve that AP averages; detections by falling score."""
    hits = np.cumsum(true).astype(np.float64)
    misses = np.cumsum(~true).astype(np.float64)
    if isinstance(rules.reading, VocRule):
        curve = VocCurve(hits / to_find, hits / (hits + misses))
        return np.atleast_1d(average_precision(curve, rules.reading))
    precision = hits / (misses + hits + np.spacing(1))
    best = np.maximum.accumulate(precision[::-1])[::-1]
    reached = np.searchsorted(hits / to_find, RECALLS)
    return np.append(best, 0.0)[reached]
