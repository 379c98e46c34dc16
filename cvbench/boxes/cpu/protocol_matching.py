"""Matching of one class by any combination of COCO and PASCAL VOC rules; compiled.

`cvbench explain` uses it to explain the difference between two protocols rule by rule. The metrics use
`coco_matching` and `voc_matching`, which each implement one protocol and are faster.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.cpu.intersection import DEVKIT, HALF_OPEN, area_of, corners_of, shared_sides, union
from cvbench.boxes.cpu.voc_matching import FALSE, IGNORED, TRUE, box_at
from cvbench.boxes.jit import compiled, inlined


class BoxesBothWays(NamedTuple):
    """The same boxes in COCO and VOC conventions."""

    xywh: Float64[np.ndarray, "n 4"]
    corners: Float64[np.ndarray, "n 4"]
    """As in VOC files: pixels from 1, x2 and y2 inclusive."""


class ClassScene(NamedTuple):
    """The detections and objects of one class, by image; detections by falling score within an image."""

    found: BoxesBothWays
    starts: Int64[np.ndarray, " images+1"]
    true: BoxesBothWays
    true_starts: Int64[np.ndarray, " images+1"]
    excused: Bool[np.ndarray, " objects"]
    lost: Bool[np.ndarray, " objects"]
    """Whether a match of the object counts as a false positive (id 0 in pycocotools)."""


@compiled
def match_by_rules(  # noqa: C901, PLR0912, two ways of choosing in one loop over the same overlaps
    scene: ClassScene,
    threshold: float,
    strict: bool,  # noqa: FBT001, compiled functions take positional arguments
    by_share: bool,  # noqa: FBT001
    best_free: bool,  # noqa: FBT001
    pixels: bool,  # noqa: FBT001
) -> Int64[np.ndarray, " detections"]:
    """FALSE, TRUE or IGNORED for each detection.

    `by_share`: the overlap with an excused object is the share of the detection in it, instead of the IoU.
    `best_free`: a detection takes the unmatched object with the highest overlap (the last in a tie), and an
    excused one only if there is no other. Otherwise it considers only the object with the highest overlap
    (the first in a tie). Excused objects can be matched any number of times.
    """
    fate = np.zeros(len(scene.found.xywh), np.int64)
    taken = np.zeros(len(scene.true.xywh), np.bool_)
    for image in range(len(scene.starts) - 1):
        objects = range(scene.true_starts[image], scene.true_starts[image + 1])
        for d in range(scene.starts[image], scene.starts[image + 1]):
            best, most, best_excused, most_excused = -1, -1.0, -1, -1.0
            for g in objects:
                overlap = overlap_of(scene, d, g, by_share and scene.excused[g], pixels)
                if overlap < 0:
                    continue
                if best_free:
                    if overlap < threshold or (strict and overlap == threshold):
                        continue
                    if scene.excused[g]:
                        if overlap >= most_excused:
                            best_excused, most_excused = g, overlap
                    elif not taken[g] and overlap >= most:
                        best, most = g, overlap
                elif overlap > most:
                    best, most = g, overlap
            if best_free:
                if best >= 0:
                    taken[best] = True
                    fate[d] = FALSE if scene.lost[best] else TRUE
                elif best_excused >= 0:
                    fate[d] = IGNORED
            elif best >= 0 and (most > threshold or (most == threshold and not strict)):
                if scene.excused[best]:
                    fate[d] = IGNORED
                elif not taken[best]:
                    taken[best] = True
                    fate[d] = FALSE if scene.lost[best] else TRUE
    return fate


@inlined
def overlap_of(scene: ClassScene, d: int, g: int, by_share: bool, pixels: bool) -> float:  # noqa: FBT001
    """The IoU, or the share of the detection; -1 if the boxes are disjoint."""
    if pixels:
        box, other = box_at(scene.found.corners, d), box_at(scene.true.corners, g)
        wide, high = shared_sides(box, other, DEVKIT)
        own, others = area_of(box, DEVKIT), area_of(other, DEVKIT)
    else:
        box, other = corners_of(scene.found.xywh, d), corners_of(scene.true.xywh, g)
        wide, high = shared_sides(box, other, HALF_OPEN)
        own = scene.found.xywh[d, 2] * scene.found.xywh[d, 3]
        others = scene.true.xywh[g, 2] * scene.true.xywh[g, 3]
    if wide <= 0 or high <= 0:
        return -1.0
    shared = wide * high
    return float(shared / own) if by_share else float(shared / union(shared, own, others))
