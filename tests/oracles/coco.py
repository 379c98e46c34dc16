"""The reference: pycocotools, fed with the arrays that ours is fed with."""

import contextlib
import io
from typing import NamedTuple

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cvbench.boxes.masks import Regions
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth


class Reference(NamedTuple):
    precision: np.ndarray
    recall: np.ndarray
    scores: np.ndarray
    stats: np.ndarray


def coco_reference(
    truth: CocoTruth,
    detections: CocoDetections,
    *,
    classes: int,
    size: tuple[int, int] | None = None,
    max_dets: tuple[int, ...] = (1, 10, 100),
) -> Reference:
    """What pycocotools makes of it; `size` is the images' height and width, where there are masks."""
    ids = np.arange(1, len(truth.label) + 1) if truth.id is None else truth.id
    annotations = [
        {
            "id": int(ids[i]),
            "image_id": int(truth.image[i]),
            "category_id": int(truth.label[i]) + 1,
            "area": float(truth.area[i]),
            "iscrowd": int(truth.crowd[i]),
            **_shape(truth.regions, i, size),
        }
        for i in range(len(truth.label))
    ]
    results = [
        {
            "id": i + 1,
            "image_id": int(detections.image[i]),
            "category_id": int(detections.label[i]) + 1,
            "score": float(detections.score[i]),
            "area": float(detections.regions.area[i]),
            "iscrowd": 0,
            **_shape(detections.regions, i, size),
        }
        for i in range(len(detections.label))
    ]
    height, width = size or (0, 0)
    numbers = {*truth.image.tolist(), *detections.image.tolist()}
    images = [{"id": int(i), "height": height, "width": width} for i in numbers]
    categories = [{"id": k + 1} for k in range(classes)]
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for entries in (annotations, results):
            side = COCO()
            side.dataset = {"images": images, "categories": categories, "annotations": entries}
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(*sides, "segm" if size else "bbox")
        evaluation.params.maxDets = list(max_dets)
        evaluation.evaluate()
        evaluation.accumulate()
        stats = np.empty(0)
        if max_dets == (1, 10, 100):
            evaluation.summarize()
            stats = np.asarray(evaluation.stats)
    arrays = evaluation.eval
    return Reference(arrays["precision"], arrays["recall"], arrays["scores"], stats)


def _shape(regions: Regions, i: int, size: tuple[int, int] | None) -> dict[str, object]:
    box = regions.xywh[i].tolist()
    if size is None:
        return {"bbox": box}
    counts = regions.counts[regions.starts[i] : regions.starts[i + 1]].tolist()
    return {"bbox": box, "segmentation": coco_mask.frPyObjects({"size": list(size), "counts": counts}, *size)}
