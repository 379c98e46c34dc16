"""The PASCAL VOC evaluation: from flat arrays to average precision per class.

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
    """Differences between the years, and between the MATLAB devkit and its Python port."""

    average: Literal["11 points", "area"]
    """`11 points` (2007): mean of the interpolated precision at eleven recalls. `area` (from 2010): area
    under the interpolated precision-recall curve."""
    strict: bool = False
    """Whether the IoU must exceed 0.5 (Python port) or be at least 0.5 (MATLAB)."""
    points: tuple[float, ...] = (0.0, 0.1, 0.2, 3 * 0.1, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    """The eleven recalls as MATLAB computes 0:0.1:1, where the fourth is slightly above 0.3."""


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
"""Rules by protocol."""


@dataclass(frozen=True, eq=False)
class VocTruth:
    """All objects of a dataset."""

    image: Int64[np.ndarray, " n"]
    """0 … images - 1."""
    label: Int64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]
    """(x1, y1, x2, y2) as in VOC files: pixels from 1, x2 and y2 inclusive."""
    difficult: Bool[np.ndarray, " n"]
    """Difficult objects need not be found, and detections that match them are ignored."""

    def __post_init__(self) -> None:
        require_one_each("objects", self.image, self.label, self.boxes, self.difficult)


@dataclass(frozen=True, eq=False)
class VocDetections:
    """All detections of a dataset; equal scores rank in input order."""

    image: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]
    boxes: Float64[np.ndarray, "n 4"]
    score: Float64[np.ndarray, " n"]

    def __post_init__(self) -> None:
        require_one_each("detections", self.image, self.label, self.boxes, self.score)


class VocLine(NamedTuple):
    """One class's detections by falling score, without detections that match a difficult object."""

    image: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    true: Bool[np.ndarray, " n"]
    object_image: Int64[np.ndarray, " objects"]
    """Images of the objects to be found."""


def match_voc(
    truth: VocTruth, detections: VocDetections, *, classes: int, strict: bool = False
) -> list[VocLine]:
    """Match the detections of each class: true or false positive."""
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
    """Recall and precision after each detection that is not ignored."""

    recall: Float64[np.ndarray, "*resamples n"]
    precision: Float64[np.ndarray, "*resamples n"]


def curve(line: VocLine, weights: Float64[np.ndarray, "*resamples images"]) -> VocCurve:
    """The precision-recall curve of a class that has objects, with image weights."""
    here = weights[..., line.image]
    true = np.cumsum(here * line.true, axis=-1)
    false = np.cumsum(here * ~line.true, axis=-1)
    total = weights[..., line.object_image].sum(axis=-1, keepdims=True)
    return VocCurve(true / total, true / (true + false))


def average_precision(curve: VocCurve, rule: VocRule) -> Float64[np.ndarray, "*resamples"]:
    """The area under a curve, or its mean at eleven recalls, depending on the rule."""
    recall, precision = curve
    best = best_from_here(precision)
    if rule.average == "area":
        steps = np.diff(recall, axis=-1, prepend=0.0)
        return np.asarray(np.sum(steps * best, axis=-1))
    total = np.zeros(recall.shape[:-1])
    for point in rule.points:
        # `best` is non-increasing, so its maximum is at the first point that reaches the recall.
        reached = recall >= point
        total += np.where(reached, best, 0.0).max(axis=-1, initial=0.0)
    return np.asarray(total / len(rule.points))


def best_from_here(precision: Float64[np.ndarray, "*resamples n"]) -> Float64[np.ndarray, "*resamples n"]:
    """Interpolated precision: the maximum at each point of a curve or any later one."""
    return np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
