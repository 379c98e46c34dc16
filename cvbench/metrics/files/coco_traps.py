"""Known traps of COCO's files: the values stay those of the reference, and a note says what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from cvbench.data.annotations.coco import CocoInstances
from cvbench.metrics.coco.evaluation import MAX_DETS, match_coco
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.record import Measurement

if TYPE_CHECKING:
    from cvbench.metrics.files.coco import CocoFiles

_OUTSIDE = 1.0
"""Pixels by which a box may leave its image unnoticed: programs round."""
_LOW, _HIGH = 0.25, 0.5
"""An AP50 below the one is asked for a shift of labels, and above the other the shift is told."""


def untold(path: Path, truth: CocoInstances) -> list[str]:
    """What a truth does not say, and what is taken for it."""
    notes = []
    lacking = 0 if truth.area_told is None else int((~truth.area_told).sum())
    if lacking:
        notes.append(f"{path}: {lacking:,} annotations have no area; that of the box (or mask) is taken.")
    if truth.crowds_untold:
        notes.append(
            f"{path}: {truth.crowds_untold:,} annotations have no iscrowd; they are taken for no crowds."
        )
    return notes


def box_notes(
    path: Path,
    truth: CocoInstances,
    xywh: Float64[np.ndarray, "n 4"] | None,
    image: Int64[np.ndarray, " n"],
    what: str,
) -> list[str]:
    """Boxes that leave their image, or that look like corners; for images whose size is told."""
    if xywh is None or not len(xywh):
        return []
    height, width = (np.append(sizes, 0)[image] for sizes in (truth.height, truth.width))
    sized = (height > 0) & (width > 0)
    x, y, third, fourth = xywh.T
    outside = (
        (x < -_OUTSIDE) | (y < -_OUTSIDE) | (x + third > width + _OUTSIDE) | (y + fourth > height + _OUTSIDE)
    )
    outside &= sized
    corners = (
        sized & (third >= x) & (fourth >= y) & (third <= width + _OUTSIDE) & (fourth <= height + _OUTSIDE)
    )
    if not outside.any():
        return []
    notes = [f"{path}: {int(outside.sum()):,} of {len(xywh):,} {what} have boxes that leave their image."]
    if outside.sum() * 2 > sized.sum() and corners[sized].mean() > 0.95:
        notes.append(f"{path}: its boxes look like (x1, y1, x2, y2); COCO's are (x, y, width, height).")
    return notes


def matching_notes(files: CocoFiles, measurements: Sequence[Measurement]) -> list[str]:
    """What COCO's rules pass over: an object with the id 0, and all beyond the best hundred."""
    notes, limit = [], MAX_DETS[-1]
    if files.truth.id is not None and (files.truth.id == 0).any():
        renumbered = _first_value(replace(files.truth, id=None), files.detections, len(files.classes))
        notes.append(
            "The annotation with the id 0 counts as not found, as in pycocotools: with ids from 1, "
            f"{measurements[0].name} is {'missing' if renumbered is None else f'{renumbered:.4f}'}."
        )
    objects = _beyond(files.truth.image, files.truth.label, limit)
    found = _beyond(files.detections.image, files.detections.label, limit)
    if objects:
        notes.append(
            f"{objects:,} objects are more than {limit} of a class in an image, and only the best {limit} "
            "detections of an image and class count: they cannot all be found."
        )
    if found:
        notes.append(
            f"{found:,} detections are beyond the best {limit} of their image and class: not counted."
        )
    return [*notes, *_shifted(files, measurements)]


def _beyond(image: Int64[np.ndarray, " n"], label: Int64[np.ndarray, " n"], limit: int) -> int:
    """How many are more than so many of an image and class."""
    if not len(image):
        return 0
    pairs = image * (int(label.max()) + 1) + label
    counts = np.unique(pairs, return_counts=True)[1]
    return int((counts - limit).clip(min=0).sum())


def _shifted(files: CocoFiles, measurements: Sequence[Measurement]) -> list[str]:
    """A note where labels that count from another number would find far more."""
    k, own = len(files.classes), next((m.value for m in measurements if m.name == "AP50"), None)
    if own is None or own > _LOW or k < 3 or not len(files.detections.label):
        return []
    for step, way in ((1, "next"), (-1, "previous")):
        label = files.detections.label + step
        kept = (label >= 0) & (label < k)
        moved = replace(files.detections, label=np.where(kept, label, files.detections.label))
        other = _first_value(files.truth, moved, k, ap50=True)
        if other is not None and other > max(_HIGH, 2 * own):
            asked = "Do the detections number the categories as the truth does?"
            return [f"AP50 would be {other:.4f} if every detection had the {way} category. {asked}"]
    return []


def _first_value(
    truth: CocoTruth, detections: CocoDetections, classes: int, *, ap50: bool = False
) -> float | None:
    """AP, or AP50, without an interval."""
    from cvbench.metrics.coco.summary import FIGURES, entries, mean

    figure = FIGURES["AP50" if ap50 else "AP"]
    return mean(entries(match_coco(truth, detections, classes=classes).evaluate().precision, figure))
