"""Outcomes of detections, as their metrics keep them, from arrays."""

from itertools import pairwise

import numpy as np
import pyarrow as pa

from cvbench.boxes.masks import box_regions
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth


def coco_table(truth: CocoTruth, found: CocoDetections, images: int) -> pa.Table:
    """A row an image; images are numbered from 0."""

    def lists(values, owner):
        order = np.argsort(owner, kind="stable")
        ends = np.searchsorted(owner[order], np.arange(images + 1))
        return [values[order[a:b]].ravel().tolist() for a, b in pairwise(ends)]

    return pa.table(
        {
            "id": [f"{i:05d}" for i in range(images)],
            "label": lists(found.label, found.image),
            "score": lists(found.score, found.image),
            "true_label": lists(truth.label, truth.image),
            "true_area": lists(truth.area, truth.image),
            "crowd": lists(truth.crowd, truth.image),
            "xywh": lists(found.regions.xywh, found.image),
            "true_xywh": lists(truth.regions.xywh, truth.image),
        }
    )


def without(found: CocoDetections, lost: float, seed: int = 1) -> CocoDetections:
    """The detections without a share of them."""
    kept = np.random.default_rng(seed).random(len(found.label)) >= lost
    regions = box_regions(found.regions.xywh[kept])
    return CocoDetections(found.image[kept], found.label[kept], regions, found.score[kept])
