"""Conversion of boxes between COCO and VOC conventions; a box covers the same pixels in both.

COCO: (x, y, width, height), pixels from 0. VOC: (x1, y1, x2, y2), pixels from 1, x2 and y2 inclusive.
VOC's difficult objects become ordinary COCO objects; COCO's crowds become difficult VOC objects.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from cvbench.boxes.masks import box_regions
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.files.coco import CocoFiles
from cvbench.metrics.files.voc import VocFiles
from cvbench.metrics.voc.evaluation import VocDetections, VocTruth


def to_voc(files: CocoFiles) -> VocFiles:
    """Convert COCO files to VOC files."""
    truth, found = files.truth, files.detections
    return VocFiles(
        VocTruth(truth.image, truth.label, _corners(truth.regions.xywh), truth.crowd | files.difficult),
        VocDetections(found.image, found.label, _corners(found.regions.xywh), found.score),
        files.classes,
        files.images,
    )


def to_coco(files: VocFiles) -> CocoFiles:
    """Convert VOC files to COCO files; an object's area is the area of its box."""
    truth, found = files.truth, files.detections
    true = box_regions(_xywh(truth.boxes))
    return CocoFiles(
        CocoTruth(truth.image, truth.label, true, true.area, np.zeros(len(truth.label), np.bool_)),
        CocoDetections(found.image, found.label, box_regions(_xywh(found.boxes)), found.score),
        files.classes,
        files.images,
        truth.difficult,
    )


def _corners(xywh: Float64[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n 4"]:
    return np.concatenate([xywh[:, :2] + 1, xywh[:, :2] + xywh[:, 2:]], axis=1)


def _xywh(corners: Float64[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n 4"]:
    return np.concatenate([corners[:, :2] - 1, corners[:, 2:] - corners[:, :2] + 1], axis=1)
