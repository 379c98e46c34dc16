"""Problems as the two JSON files that programs exchange, and what pycocotools makes of them."""

import contextlib
import io
import json

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.metrics.coco_problems import Problem


def write_problem(problem: Problem, folder, seed: int, *, boxes_too: bool = False):
    """The paths of results and instances: ids with gaps, detections shuffled, masks in every form."""
    draw = np.random.default_rng(seed)
    truth, found, classes, size, _ = problem
    height, width = size or (480, 640)
    categories = np.sort(draw.choice(90, classes, replace=False)).tolist()
    numbers = sorted({*truth.image.tolist(), *found.image.tolist(), 0})
    document = {
        "info": {"description": "not read"},
        "images": [{"id": i, "height": height, "width": width} for i in draw.permutation(numbers).tolist()],
        "categories": [{"id": c, "name": f"class {c}"} for c in draw.permutation(categories).tolist()],
        "annotations": [
            {
                "id": int(truth.id[i]),
                "image_id": int(truth.image[i]),
                "category_id": categories[truth.label[i]],
                "area": float(truth.area[i]),
                "iscrowd": int(truth.crowd[i]),
                "bbox": truth.regions.xywh[i].tolist(),
                "segmentation": _segmentation(truth.regions, i, size, draw) if size else [],
            }
            for i in range(len(truth.label))
        ],
    }
    results = []
    for i in draw.permutation(len(found.label)).tolist():
        entry = {
            "image_id": int(found.image[i]),
            "category_id": categories[found.label[i]],
            "score": float(found.score[i]),
        }
        if size:
            entry["segmentation"] = _compressed(found.regions, i, size)
        if not size or boxes_too:
            entry["bbox"] = (found.regions.xywh[i] * (1 if not size else 3)).tolist()
        results.append(entry)
    (folder / "instances.json").write_text(json.dumps(document))
    (folder / "results.json").write_text(json.dumps(results))
    return folder / "results.json", folder / "instances.json"


def reference_stats(results, instances, kind: str) -> list[float]:
    """The twelve figures of pycocotools, -1 where there is none."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(instances))
        evaluation = COCOeval(truth, truth.loadRes(str(results)), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


def _segmentation(regions, i, size, draw):
    form = draw.integers(3)
    if form == 0:
        corners = draw.uniform(-1, 1.1, (draw.integers(1, 3), 8)) * np.tile([size[1], size[0]], 4)
        return corners.round(2).tolist()
    return _compressed(regions, i, size) if form == 1 else {"size": list(size), "counts": _counts(regions, i)}


def _counts(regions, i):
    return regions.counts[regions.starts[i] : regions.starts[i + 1]].tolist()


def _compressed(regions, i, size):
    runs = coco_mask.frPyObjects({"size": list(size), "counts": _counts(regions, i)}, *size)
    return {"size": list(size), "counts": runs["counts"].decode("ascii")}
