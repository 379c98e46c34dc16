"""Where the difference between two protocols comes from: the figure after each rule is changed.

One plain evaluation carries out any set of rules. With those of a protocol it gives that protocol's
figure, so the steps lead from one figure to the other and nothing is left over.
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
    """The decisions, in the order in which one after the other is changed."""

    thresholds: tuple[float, ...]
    """The IoUs from which on an object is found; the figure is the mean over them."""
    limit: int | None
    """How many detections of an image and class count."""
    excused: Literal["crowds", "crowds and difficult"]
    """Objects that need not be found. Crowds alone are overlapped by the share of the detection that
    lies in them; together with difficult objects they are overlapped as all others are."""
    choice: Literal["best free", "most overlapped"]
    """The object that a detection is held to: the best that nobody has found, or the one it overlaps most."""
    strict: bool
    """Whether it has to overlap by more than the threshold."""
    edges: Literal["corners", "pixels"]
    """Whether boxes are measured between corners, or in pixels from the first to the last."""
    first_id: Literal["lost", "found"]
    """What comes of an object whose id is 0: COCO's program takes it for not found."""
    ties: Literal["by image", "by file"]
    """Which of equal scores is first: that of the lower image, or the earlier in the file."""
    reading: Reading
    """How a curve becomes a number."""


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
"""By the name of the protocol."""


class Change(NamedTuple):
    """One rule changed, and all rules after the change."""

    what: str
    before: str
    after: str
    rules: Rules


def changes(start: Rules, end: Rules) -> Iterator[Change]:
    """From one protocol to the other, one rule at a time."""
    now = start
    for field in fields(Rules):
        if getattr(now, field.name) != getattr(end, field.name):
            before, now = now, replace(now, **{field.name: getattr(end, field.name)})
            yield Change(_WHAT[field.name], _said(before, field.name), _said(now, field.name), now)


_WHAT = {
    "thresholds": "IoU thresholds",
    "limit": "detections of an image and class",
    "excused": "need not be found",
    "choice": "a detection is held to",
    "strict": "overlap needed",
    "edges": "boxes are measured",
    "first_id": "an object with the id 0",
    "ties": "order of equal scores",
    "reading": "the curve is read",
}


def _said(rules: Rules, name: str) -> str:
    """A decision in words."""
    value = getattr(rules, name)
    if name == "thresholds":
        return f"{value[0]:g}" if len(value) == 1 else f"mean of {value[0]:g} to {value[-1]:g}"
    if name == "limit":
        return "all" if value is None else f"the best {value}"
    if name == "strict":
        return "above the threshold" if value else "from the threshold on"
    words = {
        "best free": "the best object still free",
        "most overlapped": "the object it overlaps most",
        "corners": "between corners",
        "pixels": "in pixels, both ends in",
        "lost": "counts as not found",
        "found": "is one like others",
    }
    if name == "reading" and isinstance(value, VocRule):
        if value.average == "area":
            return "area"
        return "at 11 recalls" + (", rounded as Python does" if value.points == PYTHON_2007.points else "")
    return "at 101 recalls" if name == "reading" else words.get(value, value)


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
