"""The distance between two predictions of one image, in the unit of its task.

    classification   the largest difference of a class's score
    detection        the largest difference of the scores of two boxes that belong together (one label,
                     overlapping by half or more), and the whole score of a box that belongs to none
    segmentation     the share of pixels with another label

A detection whose score is at the end of what is reported may come and go with the last bit of it: it
counts by its distance above that threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float64, Int64

from cvbench.boxes.arrays import iou, match_in_turn

Table: TypeAlias = Mapping[str, list[Any]]
"""Columns of `cvbench.metrics.predictions`."""

_TOGETHER = 0.5


class Distance(NamedTuple):
    """The distance of one image."""

    id: str
    amount: float
    """0 if both are bitwise equal."""
    flipped: bool
    """Whether the prediction changes: the best class, the objects, or any pixel."""


class _Found(NamedTuple):
    boxes: Float64[np.ndarray, "n 4"]
    labels: Int64[np.ndarray, " n"]
    scores: Float64[np.ndarray, " n"]


def distances(reference: Table, other: Table) -> list[Distance]:
    """The distance of every image, in the order of the ids; raises ValueError if the images differ."""
    if reference["id"] != other["id"]:
        raise ValueError("the two runs have different images")
    if "width" in reference:
        parts = _of_maps(reference, other)
    elif "boxes" in reference:
        parts = _of_detections(reference, other)
    else:
        parts = _of_scores(reference, other)
    return [Distance(id_, *part) for id_, part in zip(reference["id"], parts, strict=True)]


def _of_scores(reference: Table, other: Table) -> Iterator[tuple[float, bool]]:
    for ours, theirs in zip(reference["scores"], other["scores"], strict=True):
        a, b = np.asarray(ours), np.asarray(theirs)
        yield _largest(a - b), bool(a.argmax() != b.argmax())


def _of_maps(reference: Table, other: Table) -> Iterator[tuple[float, bool]]:
    for ours, theirs in zip(reference["labels"], other["labels"], strict=True):
        a, b = np.frombuffer(ours, np.uint8), np.frombuffer(theirs, np.uint8)
        share = float((a != b).mean()) if a.size == b.size else 1.0
        yield share, share > 0


def _of_detections(reference: Table, other: Table) -> Iterator[tuple[float, bool]]:
    everything = [*reference["scores"], *other["scores"]]
    lowest = min((min(scores) for scores in everything if scores), default=0.0)
    most = max(map(len, everything), default=0)
    for ours, theirs in zip(_rows(reference), _rows(other), strict=True):
        ends = [one.scores.min() for one in (ours, theirs) if 0 < len(one.scores) == most]
        yield _apart(ours, theirs, end=max([lowest, *ends]))


def _apart(ours: _Found, theirs: _Found, *, end: float) -> tuple[float, bool]:
    partner = _partners(ours, theirs)
    paired = partner >= 0
    alone = np.ones(len(theirs.scores), dtype=bool)
    alone[partner[paired]] = False
    moved = _largest(ours.scores[paired] - theirs.scores[partner[paired]])
    unmatched = np.concatenate([ours.scores[~paired], theirs.scores[alone]]) - end
    moved_boxes = bool(np.any(ours.boxes[paired] != theirs.boxes[partner[paired]]))
    amount = max(moved, _largest(np.maximum(unmatched, 0)))
    if amount == 0 and moved_boxes:
        amount = float(np.finfo(np.float32).eps)  # equal scores with other boxes are not bitwise equal
    return amount, unmatched.size > 0


def _partners(ours: _Found, theirs: _Found) -> Int64[np.ndarray, " n"]:
    """Of each box the one that overlaps it most among those left of its label; -1 for none.

    Equal boxes belong together whatever their area: one that was clipped to nothing at the image's edge
    overlaps nothing, but where both runs report it, they agree.
    """
    equal = (ours.boxes[:, None] == theirs.boxes[None]).all(axis=2)
    overlaps = np.where(equal, 1.0, iou(ours.boxes, theirs.boxes))
    return match_in_turn(overlaps * (ours.labels[:, None] == theirs.labels[None]), least=_TOGETHER)


def _rows(table: Table) -> Iterator[_Found]:
    for boxes, labels, scores in zip(table["boxes"], table["labels"], table["scores"], strict=True):
        yield _Found(
            np.asarray(boxes, np.float64).reshape(-1, 4),
            np.asarray(labels, np.int64),
            np.asarray(scores, np.float64),
        )


def _largest(differences: Float64[np.ndarray, " n"]) -> float:
    """The largest absolute value; infinite if one side is NaN."""
    if differences.size == 0:
        return 0.0
    largest = float(np.abs(differences).max())
    return largest if np.isfinite(largest) else float("inf")
