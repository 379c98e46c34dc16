"""Search for the objects that a detection overlaps enough to match, by boxes or masks; compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt32

from cvbench.boxes.cpu.coco_matching import Candidates
from cvbench.boxes.cpu.intersection import HALF_OPEN, corners_of, shared_sides, union
from cvbench.boxes.jit import compiled, inlined
from cvbench.boxes.masks import Regions


class Standing(NamedTuple):
    """Detections or objects, sorted by image and class."""

    place: Int64[np.ndarray, " n"]
    """Index into the regions."""
    label: Int64[np.ndarray, " n"]
    starts: Int64[np.ndarray, " images+1"]
    """Start of each image's entries, relative to the first image's."""


@compiled
def find_candidates(  # noqa: C901, PLR0912, a call in the inner loop would cost more than its work
    detections: Standing,
    level: Int64[np.ndarray, " detections"],
    levels: int,
    found: Regions,
    objects: Standing,
    crowd: Bool[np.ndarray, " objects"],
    true: Regions,
    least: float,
) -> Candidates:
    """The objects of the same image and class that each detection overlaps by at least `least`.

    The overlap is the IoU, or for a crowd the share of the detection in it, bit-identical to pycocotools; it
    is 0 for a box without area. Detections with level `levels` are skipped.
    """
    n = len(detections.place)
    starts = np.zeros(n + 1, np.int64)
    partners, ious = np.empty(n + 1, np.int64), np.empty(n + 1, np.float64)
    size = 0
    masks = len(found.starts) > 0
    for image in range(len(detections.starts) - 1):
        first = last = objects.starts[image]
        end = objects.starts[image + 1]
        for d in range(detections.starts[image], detections.starts[image + 1]):
            starts[d] = size
            label = detections.label[d]
            if first == last or objects.label[first] != label:
                first = last
                while first < end and objects.label[first] < label:
                    first += 1
                last = first
                while last < end and objects.label[last] == label:
                    last += 1
            if first == last or level[d] == levels:
                continue
            if size + last - first > len(partners):
                partners, ious = with_room(partners, ious, size, size + last - first)
            i = detections.place[d]
            box, area = corners_of(found.xywh, i), found.area[i]
            for g in range(first, last):
                j = objects.place[g]
                wide, high = shared_sides(box, corners_of(true.xywh, j), HALF_OPEN)
                if wide <= 0 or high <= 0:
                    continue
                shared = wide * high
                if masks:
                    # Upper bound of the intersection: the boxes' intersection and either mask's area.
                    shared = min(shared, area, true.area[j])
                    if shared < 0.999 * least * (area if crowd[g] else union(shared, area, true.area[j])):
                        continue
                    shared = shared_pixels(found.counts, found.starts, i, true.counts, true.starts, j)
                    if shared == 0:
                        continue
                iou = shared / (area if crowd[g] else union(shared, area, true.area[j]))
                if iou < least:
                    continue
                ious[size], partners[size] = iou, g
                size += 1
            put_best_first(partners, ious, starts[d], size)
    starts[n] = size
    return Candidates(starts, partners[:size], ious[:size])


FEW = 32
"""Up to this number insertion sort is faster; beyond, its quadratic time would matter."""


@compiled
def put_best_first(
    partners: Int64[np.ndarray, " n"], ious: Float64[np.ndarray, " n"], first: int, last: int
) -> None:
    """Sort the candidates `first` to `last` in place by falling IoU; in a tie the later one comes first."""
    if last - first > FEW:
        # A reversed stable ascending sort is descending, with later entries first in a tie.
        order = np.argsort(ious[first:last], kind="mergesort")[::-1]
        ious[first:last], partners[first:last] = ious[first:last][order], partners[first:last][order]
        return
    for c in range(first + 1, last):
        iou, partner, free = ious[c], partners[c], c
        while free > first and ious[free - 1] <= iou:
            ious[free], partners[free] = ious[free - 1], partners[free - 1]
            free -= 1
        ious[free], partners[free] = iou, partner


@inlined
def shared_pixels(
    counts: UInt32[np.ndarray, " runs"],
    starts: Int64[np.ndarray, " n+1"],
    i: int,
    other_counts: UInt32[np.ndarray, " others"],
    other_starts: Int64[np.ndarray, " m+1"],
    j: int,
) -> float:
    """The number of pixels in the intersection of two masks of the same size."""
    run, last = starts[i], starts[i + 1]
    other_run, other_last = other_starts[j], other_starts[j + 1]
    first = end = other_first = other_end = np.int64(0)
    shared = np.int64(0)
    # Each iteration advances in the mask whose current run of ones ends first.
    while True:
        if end <= other_end:
            if run + 1 >= last:
                return float(shared)
            first = end + np.int64(counts[run])
            end = first + np.int64(counts[run + 1])
            run += 2
        else:
            if other_run + 1 >= other_last:
                return float(shared)
            other_first = other_end + np.int64(other_counts[other_run])
            other_end = other_first + np.int64(other_counts[other_run + 1])
            other_run += 2
        shared += np.maximum(0, np.minimum(end, other_end) - np.maximum(first, other_first))


@inlined
def with_room(
    objects: Int64[np.ndarray, " n"], ious: Float64[np.ndarray, " n"], size: int, needed: int
) -> tuple[Int64[np.ndarray, " more"], Float64[np.ndarray, " more"]]:
    """Copies with room for `2 * needed` entries, of which the first `size` are filled."""
    more_objects, more_ious = np.empty(2 * needed, np.int64), np.empty(2 * needed, np.float64)
    for k in range(size):
        more_objects[k], more_ious[k] = objects[k], ious[k]
    return more_objects, more_ious
