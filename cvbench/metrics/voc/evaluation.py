"""The PASCAL VOC evaluation: from flat arrays to average precision by class.

Source: Everingham et al., The PASCAL Visual Object Classes (VOC) Challenge, IJCV 88, 2010, and the
function VOCevaldet of the development kits of 2007 and 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.arrays import require_one_each
from cvbench.boxes.cpu.sorting import group, sort_by_falling_score
from cvbench.boxes.cpu.voc_matching import IGNORED, TRUE, match_by_voc


class VocRule(NamedTuple):
    """What the years, and the two programs that score them, do differently."""

    average: Literal["11 points", "area"]
    """`11 points`: 2007, the mean of the best precision from each of eleven recalls on. `area`: from
    2010 on, what lies under that best precision."""
    strict: bool = False
    """Whether a detection has to overlap by more than a half (the Python port), not by at least that."""
    points: tuple[float, ...] = (0.0, 0.1, 0.2, 3 * 0.1, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    """The eleven recalls as MATLAB's 0:0.1:1 has them: three tenths come out above 0.3."""


MATLAB_2007 = VocRule("11 points")
MATLAB_2012 = VocRule("area")
PYTHON_2007 = VocRule("11 points", strict=True, points=tuple(np.arange(0.0, 1.1, 0.1).tolist()))
PYTHON_2012 = VocRule("area", strict=True)
RULES = {
    "voc2007/11pt/iou>=0.5/difficult-ignored": MATLAB_2007,
    "voc2012/area/iou>=0.5/difficult-ignored": MATLAB_2012,
    "voc2007-python/11pt/iou>0.5/difficult-ignored": PYTHON_2007,
    "voc2012-python/area/iou>0.5/difficult-ignored": PYTHON_2012,
}
"""By protocol."""


@dataclass(frozen=True, eq=False)
class VocTruth:
    """All objects of a data set."""

    image: Int64[np.ndarray, " n"]
    """0 … images - 1."""
    label: Int64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]
    """(x1, y1, x2, y2) as the files have them: pixels counted from 1, the last one inside the box."""
    difficult: Bool[np.ndarray, " n"]
    """Need not be found, and to find one counts for nothing."""

    def __post_init__(self) -> None:
        require_one_each("objects", self.image, self.label, self.boxes, self.difficult)


@dataclass(frozen=True, eq=False)
class VocDetections:
    """All detections of a data set; equal scores count in the order of the input."""

    image: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]
    score: Float64[np.ndarray, " n"]

    def __post_init__(self) -> None:
        require_one_each("detections", self.image, self.label, self.boxes, self.score)


class VocLine(NamedTuple):
    """One class's detections by falling score, without those that found a difficult object."""

    image: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    true: Bool[np.ndarray, " n"]
    object_image: Int64[np.ndarray, " objects"]
    """Of the objects to be found."""


def match_voc(
    truth: VocTruth, detections: VocDetections, *, classes: int, strict: bool = False
) -> list[VocLine]:
    """Which detections of each class are true and which false."""
    images = 1 + max(truth.image.max(initial=-1), detections.image.max(initial=-1))
    objects, found = group(truth.label, classes), group(detections.label, classes)
    lines = []
    for k in range(classes):
        own = objects.order[objects.starts[k] : objects.starts[k + 1]]
        own = own[group(truth.image[own], images).order]
        starts = np.searchsorted(truth.image[own], np.arange(images + 1))
        order = found.order[found.starts[k] : found.starts[k + 1]]
        sort_by_falling_score(order, detections.score)
        fate = match_by_voc(
            detections.boxes[order],
            detections.image[order],
            truth.boxes[own],
            starts,
            truth.difficult[own],
            strict,
        )
        counting = order[fate != IGNORED]
        lines.append(
            VocLine(
                detections.image[counting],
                detections.score[counting],
                fate[fate != IGNORED] == TRUE,
                truth.image[own][~truth.difficult[own]],
            )
        )
    return lines


class VocCurve(NamedTuple):
    """Recall and precision after each detection that counts."""

    recall: Float64[np.ndarray, "*resamples n"]
    precision: Float64[np.ndarray, "*resamples n"]


def curve(line: VocLine, weights: Float64[np.ndarray, "*resamples images"]) -> VocCurve:
    """The curve of a class that has objects, with images counted as often as the weights say."""
    here = weights[..., line.image]
    true = np.cumsum(here * line.true, axis=-1)
    false = np.cumsum(here * ~line.true, axis=-1)
    total = weights[..., line.object_image].sum(axis=-1, keepdims=True)
    return VocCurve(true / total, true / (true + false))


def average_precision(curve: VocCurve, rule: VocRule) -> Float64[np.ndarray, "*resamples"]:
    """The area under a curve, or its mean at eleven recalls, by the rule."""
    recall, precision = curve
    best = best_from_here(precision)
    if rule.average == "area":
        steps = np.diff(recall, axis=-1, prepend=0.0)
        return np.asarray(np.sum(steps * best, axis=-1))
    total = np.zeros(recall.shape[:-1])
    for point in rule.points:
        # The first place that reaches the recall has the best precision from there on.
        reached = recall >= point
        total += np.where(reached, best, 0.0).max(axis=-1, initial=0.0)
    return np.asarray(total / len(rule.points))


def best_from_here(precision: Float64[np.ndarray, "*resamples n"]) -> Float64[np.ndarray, "*resamples n"]:
    """The best precision at each place of a curve or at any later one."""
    return np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
