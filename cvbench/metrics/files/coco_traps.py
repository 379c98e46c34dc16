"""Notes on known pitfalls of COCO files; the values still equal pycocotools' values."""

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
"""Pixels by which a box may extend beyond its image without a note, because programs round."""
_LOW, _HIGH = 0.25, 0.5
"""Shifted labels are tried if AP50 is at most `_LOW`, and reported if AP50 then exceeds `_HIGH`."""


def untold(path: Path, truth: CocoInstances) -> list[str]:
    """Notes on missing fields of the truth and their defaults."""
    notes = []
    lacking = 0 if truth.area_told is None else int((~truth.area_told).sum())
    if lacking:
        notes.append(f"{path}: {lacking:,} annotations have no area; the area of the box (or mask) is used.")
    if truth.crowds_untold:
        notes.append(f"{path}: {truth.crowds_untold:,} annotations have no iscrowd; the default 0 is used.")
    return notes


def box_notes(
    path: Path,
    truth: CocoInstances,
    xywh: Float64[np.ndarray, "n 4"] | None,
    image: Int64[np.ndarray, " n"],
    what: str,
) -> list[str]:
    """Notes on boxes that extend beyond their image or look like corners; needs the images' sizes."""
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
    notes = [
        f"{path}: {int(outside.sum()):,} of {len(xywh):,} {what} have boxes that extend beyond the image."
    ]
    if outside.sum() * 2 > sized.sum() and corners[sized].mean() > 0.95:
        notes.append(f"{path}: the boxes look like (x1, y1, x2, y2); COCO uses (x, y, width, height).")
    return notes


def matching_notes(
    files: CocoFiles, measurements: Sequence[Measurement], max_dets: int | None = None
) -> list[str]:
    """Notes on what COCO's rules ignore: an annotation with id 0, and detections beyond `max_dets` (100)."""
    notes, limit = list[str](), max_dets or MAX_DETS[-1]
    if limit != MAX_DETS[-1]:
        notes.append(f"By --max-dets, {limit} detections per image and class count, not COCO's 100.")
    if files.truth.id is not None and (files.truth.id == 0).any():
        renumbered = _first_value(replace(files.truth, id=None), files.detections, len(files.classes))
        notes.append(
            "The annotation with id 0 counts as not found, as in pycocotools. With ids from 1, "
            f"{measurements[0].name} is {'missing' if renumbered is None else f'{renumbered:.4f}'}."
        )
    objects = _beyond(files.truth.image, files.truth.label, limit)
    found = _beyond(files.detections.image, files.detections.label, limit)
    if objects:
        notes.append(
            f"{objects:,} objects exceed {limit} per image and class. Only the best {limit} detections per "
            "image and class count, so not all objects can be found."
        )
    if found:
        notes.append(
            f"{found:,} detections are beyond the best {limit} per image and class and are ignored. "
            "--max-dets sets another limit."
        )
    return [*notes, *_shifted(files, measurements)]


def _beyond(image: Int64[np.ndarray, " n"], label: Int64[np.ndarray, " n"], limit: int) -> int:
    """How many exceed `limit` per image and class."""
    if not len(image):
        return 0
    pairs = image * (int(label.max()) + 1) + label
    counts = np.unique(pairs, return_counts=True)[1]
    return int((counts - limit).clip(min=0).sum())


def _shifted(files: CocoFiles, measurements: Sequence[Measurement]) -> list[str]:
    """A note if categories shifted by 1 would give a much higher AP50."""
    k, own = len(files.classes), next((m.value for m in measurements if m.name == "AP50"), None)
    if own is None or own > _LOW or k < 3 or not len(files.detections.label):
        return []
    for step, way in ((1, "next"), (-1, "previous")):
        label = files.detections.label + step
        kept = (label >= 0) & (label < k)
        moved = replace(files.detections, label=np.where(kept, label, files.detections.label))
        other = _first_value(files.truth, moved, k, ap50=True)
        if other is not None and other > max(_HIGH, 2 * own):
            asked = "Check that both files number the categories the same way."
            return [f"AP50 would be {other:.4f} if every detection had the {way} category. {asked}"]
    return []


def _first_value(
    truth: CocoTruth, detections: CocoDetections, classes: int, *, ap50: bool = False
) -> float | None:
    """AP, or AP50, without an interval."""
    from cvbench.metrics.coco.summary import FIGURES, entries, mean

    figure = FIGURES["AP50" if ap50 else "AP"]
    return mean(entries(match_coco(truth, detections, classes=classes).evaluate().precision, figure))
