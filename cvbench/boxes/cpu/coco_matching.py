"""COCO matching of a whole dataset, for all settings in one pass; compiled.

A *setting* is an area range and an IoU threshold. Sets of settings are int64 bit masks with bit
`area * thresholds + threshold`, so that one word covers all forty settings of COCO. The reference
implementation is `cvbench.boxes.reference.match_coco`; here each detection has a list of the objects that it
overlaps, instead of a full matrix.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.jit import compiled, inlined


class Candidates(NamedTuple):
    """The candidate objects of each detection; detection `d` has `starts[d]:starts[d + 1]`."""

    starts: Int64[np.ndarray, " detections+1"]
    objects: Int64[np.ndarray, " candidates"]
    """By falling IoU; in a tie the later object first."""
    ious: Float64[np.ndarray, " candidates"]


class Fate(NamedTuple):
    """The matching result as bit masks of settings."""

    found: Int64[np.ndarray, " detections"]
    """Settings in which the detection matches an object."""
    void: Int64[np.ndarray, " detections"]
    """Settings in which that object is ignored."""
    taken: Int64[np.ndarray, " objects"]
    """Settings in which the object is matched."""


@inlined
def lowest_settings(thresholds: int, areas: int) -> int:
    """The bit mask of the first threshold in each area range.

    Multiplied by `(1 << n) - 1` it is the bit mask of the first `n` thresholds in every area range.
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
    """Match detections, which are sorted by falling score within their image and class.

    `passed_over` has for each object the settings in which it is ignored: all settings for a crowd, and the
    settings whose area range does not contain the object. In every setting a detection takes the first
    unmatched candidate that reaches the threshold, and an ignored one only if no other is left. A crowd can
    be matched any number of times. A match of object `unnoticed` (-1: none) does not count as found.

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
