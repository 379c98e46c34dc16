"""Mean average precision by the rules of the PASCAL VOC challenge."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar, NamedTuple, final

import numpy as np
from jaxtyping import Shaped

from cvbench.interfaces import Evidence, Metric
from cvbench.metrics.coco.evaluation import RECALLS
from cvbench.metrics.per_image import ObjectArrays, PerImage, column, object_arrays
from cvbench.metrics.voc.evaluation import (
    MATLAB_2007,
    MATLAB_2012,
    PYTHON_2007,
    PYTHON_2012,
    VocCurve,
    VocDetections,
    VocLine,
    VocRule,
    VocTruth,
    average_precision,
    best_from_here,
    curve,
    match_voc,
)
from cvbench.record import Measurement, Part
from cvbench.statistics.bootstrap import bayesian_weights, interval_around
from cvbench.statistics.effective_objects import MINIMUM_OBJECTS_VOC, effective_objects, too_few_objects
from cvbench.values import Prediction, Truth

NOTHING_DETECTED = VocCurve(np.zeros(1), np.zeros(1))


def curves(lines: Sequence[VocLine], *, images: int) -> Evidence:
    """Interpolated precision and score at 101 recalls.

    Every tenth of these recalls is one of the eleven of 2007. Recalls that are not reached are left out;
    their precision is 0. A class without detections has only recall 0, and a class without objects is left
    out.
    """
    rows: dict[str, list[float]] = {name: [] for name in ("label", "iou", "recall", "precision", "score")}
    for label, line in enumerate(lines):
        if len(line.object_image) == 0:
            continue
        recall, precision = curve(line, np.ones(images)) if len(line.score) else NOTHING_DETECTED
        score = line.score if len(line.score) else np.zeros(1)
        places = np.searchsorted(recall, RECALLS)
        places = places[places < len(recall)]
        rows["label"] += [label] * len(places)
        rows["iou"] += [0.5] * len(places)
        rows["recall"] += RECALLS[: len(places)].tolist()
        rows["precision"] += best_from_here(precision)[places].tolist()
        rows["score"] += score[places].tolist()
    return Evidence("curves", rows, {})


RESAMPLES = 500


def voc_measurement(
    lines: Sequence[VocLine],
    *,
    images: int,
    classes: Sequence[str],
    rule: VocRule,
    protocol: str,
    draws: int = RESAMPLES,
    seed: int = 0,
) -> Measurement:
    """mAP, with the APs of the classes as parts.

    The interval comes from a Bayesian bootstrap over the images; matching is done once. With `draws` 0
    there is no interval, and with fewer than `MINIMUM_OBJECTS_VOC` effective objects the reason instead.
    """
    there = [line for line in lines if len(line.object_image)]
    weightings = chain([np.ones((1, images))], bayesian_weights(images, draws, seed=seed) if there else ())
    rows = [np.array([average_precision(curve(line, some), rule) for line in there]) for some in weightings]
    aps = np.concatenate([row.T for row in rows]) if there else np.empty((1, 0))
    means = np.ascontiguousarray(aps).mean(axis=1) if there else np.empty(0)
    value = float(means[0]) if there else None
    own = iter(aps[0].tolist())
    effective = effective_objects([len(line.object_image) for line in lines])
    bounded = len(means) > 2
    too_few = too_few_objects(effective, MINIMUM_OBJECTS_VOC) if bounded else None
    return Measurement(
        name="mAP",
        value=value,
        missing=None if there else "no object to be found" if images else "no images",
        unit="fraction",
        direction="higher",
        n=images,
        interval=interval_around(value, means[1:], reads_the_best=True)
        if value is not None and bounded and too_few is None
        else None,
        effective_n=effective,
        interval_missing=too_few,
        protocol=protocol,
        parts=tuple(
            Part(name=name, value=next(own), n=len(line.object_image))
            if len(line.object_image)
            else Part(name=name, value=None, missing="no object of this class", n=0)
            for name, line in zip(classes, lines, strict=True)
        ),
    )


class _Image(NamedTuple):
    found: ObjectArrays
    true: ObjectArrays


class _VocAP(ABC):
    """Common base of all years.

    Each detection is matched to the object of its class with the highest IoU, if that reaches 0.5. A second
    match of an object is a false positive. Difficult objects need not be found, and detections that match
    them are ignored.
    """

    protocol: ClassVar[str]
    rule: ClassVar[VocRule]

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.images: PerImage[_Image] = PerImage()

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Add one batch.

        Raises ValueError for a duplicate id, a label that is not a class, and a score or coordinate that is
        not finite.
        """
        pairs = zip(predictions, truths, strict=True)
        k = len(self.classes)
        self.images.add(ids, [_Image(object_arrays(p, k), object_arrays(t, k)) for p, t in pairs])

    def merge(self, other: Metric) -> None:
        """Add the images of another metric of this type with the same classes."""
        if not isinstance(other, _VocAP) or type(other) is not type(self) or other.classes != self.classes:
            raise TypeError(f"only a {type(self).__name__} with the same classes can be merged")
        self.images.merge(other.images)

    def compute(self) -> list[Measurement]:
        """The mean average precision, with the APs of the classes as parts."""
        return [
            voc_measurement(
                self._lines(),
                images=len(self.images),
                classes=self.classes,
                rule=self.rule,
                protocol=self.protocol,
            )
        ]

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """Per-image results: id, detections and objects; boxes are half-open corners."""
        entries = self.images.entries()
        return {
            "id": self.images.ids(),
            "label": [e.found.label.tolist() for e in entries],
            "score": [e.found.score.tolist() for e in entries],
            "corners": [e.found.corners.ravel().tolist() for e in entries],
            "true_label": [e.true.label.tolist() for e in entries],
            "true_corners": [e.true.corners.ravel().tolist() for e in entries],
            "difficult": [e.true.difficult.tolist() for e in entries],
        }

    def evidence(self) -> list[Evidence]:
        """Precision-recall curves; an empty list without objects to be found."""
        lines = self._lines()
        return [curves(lines, images=len(self.images))] if any(len(x.object_image) for x in lines) else []

    def _lines(self) -> list[VocLine]:
        entries = self.images.entries()
        found, true = [e.found for e in entries], [e.true for e in entries]
        numbers = np.arange(len(entries))
        return match_voc(
            VocTruth(
                image=np.repeat(numbers, [len(t.label) for t in true]),
                label=column([t.label for t in true], np.int64),
                boxes=_pixels_inside(true),
                difficult=column([t.difficult for t in true], np.bool_),
            ),
            VocDetections(
                image=np.repeat(numbers, [len(f.label) for f in found]),
                label=column([f.label for f in found], np.int64),
                boxes=_pixels_inside(found),
                score=column([f.score for f in found], np.float64),
            ),
            classes=len(self.classes),
            strict=self.rule.strict,
        )


def _pixels_inside(objects: Sequence[ObjectArrays]) -> Shaped[np.ndarray, "..."]:
    """Half-open boxes converted to the devkit's convention: pixels from 1, x2 and y2 inclusive."""
    corners = np.concatenate([np.empty((0, 4)), *(o.corners for o in objects)])
    return np.asarray(corners + np.array([1.0, 1.0, 0.0, 0.0]))


@final
class Voc2007(_VocAP):
    """Mean average precision of VOC 2007: at eleven recalls, IoU of at least 0.5."""

    protocol = "voc2007/11pt/iou>=0.5/difficult-ignored"
    rule = MATLAB_2007


@final
class Voc2012(_VocAP):
    """Mean average precision of VOC 2010 to 2012: the area under the curve, IoU of at least 0.5."""

    protocol = "voc2012/area/iou>=0.5/difficult-ignored"
    rule = MATLAB_2012


@final
class Voc2007Python(_VocAP):
    """VOC 2007 as in the Python port: IoU of more than 0.5."""

    protocol = "voc2007-python/11pt/iou>0.5/difficult-ignored"
    rule = PYTHON_2007


@final
class Voc2012Python(_VocAP):
    """VOC 2012 as in the Python port: IoU of more than 0.5."""

    protocol = "voc2012-python/area/iou>0.5/difficult-ignored"
    rule = PYTHON_2012
