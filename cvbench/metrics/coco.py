"""The twelve COCO figures on boxes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

from cvbench.metrics.per_image import PerImage
from cvbench.protocols import Metric
from cvbench.record import Measurement
from cvbench.values import Detections, Prediction, Truth

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


class CocoBoxAP:
    """Average precision and recall of boxes, by the rules of the COCO detection challenge.

    AP is the mean over the classes, and over the IoU thresholds 0.50, 0.55 … 0.95, of the precision
    read at 101 recalls. At most 100 detections an image and class count. Crowds and objects outside
    a figure's area range are neither to be found nor held against a detection that found them.

    Source: Lin et al., Microsoft COCO: Common Objects in Context, 2014, and pycocotools 2.0.11.
    """

    protocol = "coco-2017/bbox/101pt/maxdet100"

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.images: PerImage[tuple[Detections, Detections]] = PerImage()

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Take in one batch; raises ValueError for an id that came before."""
        pairs = [(_detections(p), _detections(t)) for p, t in zip(predictions, truths, strict=True)]
        self.images.add(ids, pairs)

    def merge(self, other: Metric) -> None:
        """Take in what another CocoBoxAP over the same classes has accumulated."""
        if not isinstance(other, CocoBoxAP) or other.classes != self.classes:
            raise TypeError("only a CocoBoxAP over the same classes can be merged")
        self.images.merge(other.images)

    def compute(self) -> list[Measurement]:
        """The twelve figures, AP first."""
        values = self._twelve()
        return [
            Measurement(
                name=name,
                value=None if value < 0 else value,
                missing=None
                if value >= 0
                else ("no images" if not len(self.images) else "no object to be found"),
                unit="fraction",
                direction="higher",
                n=len(self.images),
                protocol=self.protocol,
            )
            for name, value in zip(FIGURES, values, strict=True)
        ]

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """Each image's id, detections and objects."""
        entries = self.images.entries()
        return {
            "id": self.images.ids(),
            "boxes": [p.boxes.flatten().tolist() for p, _ in entries],
            "labels": [p.labels.tolist() for p, _ in entries],
            "scores": [p.scores.tolist() for p, _ in entries],
        }

    def _twelve(self) -> list[float]:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        truth, found = [], []
        for image, (prediction, objects) in enumerate(self.images.entries()):
            truth += [{**o, "id": len(truth) + i + 1} for i, o in enumerate(_annotations(image, objects))]
            found += [{**o, "id": len(found) + i + 1} for i, o in enumerate(_annotations(image, prediction))]
        if not truth:
            return [-1.0] * 12
        categories = [{"id": i, "name": name} for i, name in enumerate(self.classes)]
        images = [{"id": i} for i in range(len(self.images))]
        with contextlib.redirect_stdout(io.StringIO()):
            sides = []
            for annotations in (truth, found):
                side = COCO()
                side.dataset = {"images": images, "categories": categories, "annotations": annotations}
                side.createIndex()
                sides.append(side)
            evaluation = COCOeval(*sides, "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        return [float(value) for value in evaluation.stats]


def _detections(value: Prediction) -> Detections:
    if not isinstance(value, Detections):
        raise TypeError("detection metrics take Detections")
    return value


def _annotations(image: int, objects: Detections) -> list[dict[str, Any]]:
    boxes = objects.boxes.double()
    sizes = boxes[:, 2:] - boxes[:, :2]
    areas = sizes.prod(1) if objects.areas is None else objects.areas.double()
    crowd = [0] * len(objects) if objects.crowd is None else objects.crowd.int().tolist()
    return [
        {
            "image_id": image,
            "category_id": int(objects.labels[i]),
            "bbox": [*boxes[i, :2].tolist(), *sizes[i].tolist()],
            "area": float(areas[i]),
            "score": float(objects.scores[i]),
            "iscrowd": crowd[i],
        }
        for i in range(len(objects))
    ]
