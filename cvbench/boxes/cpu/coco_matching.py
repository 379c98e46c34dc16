"""Who finds whom by the COCO rule, for a whole data set and at all settings in one pass; compiled.

A *setting* is one area range with one IoU threshold. Settings are bits of an int64, bit
`area * thresholds + threshold`, so that one word answers a question for all forty of COCO's. The
reference form of the rule is `cvbench.boxes.reference.match_coco`; here a detection brings the few objects
that it overlaps instead of a full matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.jit import compiled, inlined


class Candidates(NamedTuple):
    """The objects that each detection overlaps enough; detection `d` has `starts[d]:starts[d + 1]`."""

    starts: Int64[np.ndarray, " detections+1"]
    objects: Int64[np.ndarray, " candidates"]
    """Best first; the later one first among equals."""
    ious: Float64[np.ndarray, " candidates"]


class Fate(NamedTuple):
    """What became of each detection, and of each object, in words of settings."""

    found: Int64[np.ndarray, " detections"]
    """Where it found an object …"""
    void: Int64[np.ndarray, " detections"]
    """… and where that object is one that nobody has to find."""
    taken: Int64[np.ndarray, " objects"]
    """Where each object has been found."""


@inlined
def lowest_settings(thresholds: int, areas: int) -> int:
    """The word in which only the first threshold of each area range is set.

    Times `(1 << n) - 1` it is the word of the first `n` thresholds in every area range.
    """
    word = 0
    for area in range(areas):
        word |= 1 << (area * thresholds)
    return word


@compiled
def match_candidates(
    candidates: Candidates,
    thresholds: Float64[np.ndarray, " thresholds"],
    areas: int,
    passed_over: Int64[np.ndarray, " objects"],
    crowd: Bool[np.ndarray, " objects"],
    unnoticed: int,
) -> Fate:
    """The fate of detections that stand best first within their image and class.

    `passed_over` holds for each object the settings in which nobody has to find it: all of a crowd's,
    and those of the area ranges outside of which it lies. In every setting a detection takes the
    first of its candidates that reaches the threshold and is free, and one that is passed over only
    where no other is left. A crowd is always free. To take object `unnoticed` (-1: none) is not to
    find it.

    Source: the COCO detection challenge, as pycocotools 2.0.11 evaluates each image and category.
    """
    detections = len(candidates.starts) - 1
    lowest = lowest_settings(len(thresholds), areas)
    taken = np.zeros(len(crowd), np.int64)
    found, void = np.zeros(detections, np.int64), np.zeros(detections, np.int64)
    for d in range(detections):
        still_open = lowest * ((1 << len(thresholds)) - 1)
        for second_choice in range(2):
            for c in range(candidates.starts[d], candidates.starts[d + 1]):
                this = candidates.objects[c]
                reached = 0
                while reached < len(thresholds) and candidates.ious[c] >= thresholds[reached]:
                    reached += 1
                here = still_open & (lowest * ((1 << reached) - 1))
                here &= passed_over[this] if second_choice else ~passed_over[this]
                if not crowd[this]:
                    here &= ~taken[this]
                taken[this] |= here
                still_open &= ~here
                if second_choice:
                    void[d] |= here
                if second_choice or this != unnoticed:
                    found[d] |= here
    return Fate(found, void, taken)
