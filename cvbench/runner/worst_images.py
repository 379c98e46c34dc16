"""The images that a model did worst on, found while it is scored."""

from __future__ import annotations

import heapq
import io
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from cvbench.boxes.matching import NOBODY, match_coco
from cvbench.boxes.overlap import iou
from cvbench.data.images.loader import Batch
from cvbench.interfaces import Dataset
from cvbench.metrics.inputs import label_bytes
from cvbench.metrics.segmentation_counts import confusion
from cvbench.values import ClassScores, Detections, LabelMap, Prediction, Truth

KEPT = 12
"""Images that are kept per cell."""
DETECTIONS = 100
"""Detections per image that count: the best ones, as in COCO's AP."""


class Bad(NamedTuple):
    """One image with its prediction and truth."""

    quality: float
    """From 0, worst, to 1, best; see `quality`."""
    position: int
    """In the data set."""
    id: str
    prediction: Prediction
    truth: Truth


class Worst:
    """Holds on to the few worst of all images that it is shown."""

    def __init__(self, keep: int = KEPT) -> None:
        self._keep = keep
        self._heap: list[tuple[float, int, Bad]] = []

    def see(self, batch: Batch, predictions: Sequence[Prediction]) -> None:
        """Take in one batch; a position may come only once."""
        for position, image, prediction, truth in zip(
            batch.positions, batch.ids, predictions, batch.truths, strict=True
        ):
            bad = Bad(quality(prediction, truth), position, image, prediction, truth)
            heapq.heappush(self._heap, (-bad.quality, -position, bad))
            if len(self._heap) > self._keep:
                heapq.heappop(self._heap)

    def images(self) -> list[Bad]:
        """The worst first; among equals the earlier one."""
        return [bad for *_, bad in sorted(self._heap, reverse=True)]


def quality(prediction: Prediction, truth: Truth) -> float:
    """How well one image was done, from 0 to 1.

    Of class scores, the right class's; of detections, the image's own average precision at IoU 0.5, all
    classes in one ranking; of a label map, the mean IoU of the classes that are true or predicted.
    Crowds and void pixels do not count. NaN is 0, and so is a truth and a prediction that do not fit.
    """
    match prediction, truth:
        case ClassScores(), ClassScores():
            value = float(prediction.scores[truth.label])
        case Detections(), Detections():
            value = _precision(prediction, truth)
        case LabelMap(), LabelMap():
            value = _overlap(prediction, truth)
        case _:
            value = 0.0
    return min(max(value, 0.0), 1.0) if value == value else 0.0  # noqa: PLR0124, NaN alone differs from itself


def _precision(found: Detections, true: Detections) -> float:
    """The mean, over the objects, of the precision at which each is found; without any, of 1 - best score."""
    crowd = torch.zeros(len(true), dtype=torch.bool) if true.crowd is None else true.crowd
    to_find = int((~crowd).sum())
    if to_find == 0:
        return 1.0 - float(found.scores.max()) if len(found) else 1.0
    order = found.scores.argsort(descending=True, stable=True)[:DETECTIONS]
    same_class = found.labels[order][:, None] == true.labels
    matches = match_coco(
        iou(found.boxes[order].float(), true.boxes.float()) * same_class,
        thresholds=torch.tensor([0.5]),
        crowd=crowd,
        ignored=crowd[None],
        outside=torch.zeros(1, len(order), dtype=torch.bool),
    )
    counts = ~matches.ignored[0, 0]
    right = (matches.truth[0, 0] != NOBODY)[counts]
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    return float(precision[right].sum()) / to_find


def _overlap(found: LabelMap, true: LabelMap) -> float:
    true_labels, labels = label_bytes(true).ravel(), label_bytes(found).ravel()
    if len(true_labels) != len(labels):
        return 0.0
    counts = confusion(true_labels, labels, classes=255)[:255, :255]
    either = counts.sum(0) + counts.sum(1) - counts.diagonal()
    there = either > 0
    return float((counts.diagonal()[there] / either[there]).mean()) if there.any() else 1.0


SIDE: Final = 224
"""The longer side of a kept picture, in pixels, at most; a smaller image stays as it is."""
BEST_SCORES: Final = 5
"""Classes per image that are kept, of a classification …"""
BEST_DETECTIONS: Final = 50
"""… and detections."""

_NUMBERS, _REALS = pa.list_(pa.int32()), pa.list_(pa.float32())
SCHEMA: Final = pa.schema(
    {
        "id": pa.string(),
        "quality": pa.float64(),
        "width": pa.int32(),
        "height": pa.int32(),
        "picture": pa.binary(),
        "true_label": _NUMBERS,
        "true_corners": _REALS,
        "label": _NUMBERS,
        "score": _REALS,
        "corners": _REALS,
        "true_map": pa.binary(),
        "map": pa.binary(),
    }
)
"""`docs/records.md` describes the columns."""


def picture_table(worst: Sequence[Bad], data: Dataset) -> pa.Table:
    """The worst images first, read again from the data set and made small."""
    rows = [_row(bad, data[bad.position].image) for bad in worst]
    return pa.table({name: [row.get(name) for row in rows] for name in SCHEMA.names}, schema=SCHEMA)


def _row(bad: Bad, image: UInt8[Tensor, "3 h w"]) -> dict[str, Any]:
    height, width = image.shape[1:]
    row = {
        "id": bad.id,
        "quality": bad.quality,
        "width": width,
        "height": height,
        "picture": small_picture(image),
    }
    return row | _seen(bad.truth, "true_") | _seen(bad.prediction, "")


def small_picture(image: UInt8[Tensor, "3 h w"]) -> bytes:
    """The image as a small JPEG or PNG."""
    picture = Image.fromarray(image.permute(1, 2, 0).cpu().numpy())
    return _encoded(_small(picture, Image.Resampling.LANCZOS))


def _seen(seen: Prediction, prefix: str) -> dict[str, Any]:
    """A truth or a prediction as columns; scores are a prediction's only."""
    columns: dict[str, Any]
    match seen:
        case ClassScores():
            order = seen.scores.argsort(descending=True, stable=True)[: 1 if prefix else BEST_SCORES]
            columns = {"label": order.tolist(), "score": seen.scores[order].tolist()}
        case Detections():
            order = seen.scores.argsort(descending=True, stable=True)[:BEST_DETECTIONS]
            columns = {
                "label": seen.labels[order].tolist(),
                "score": seen.scores[order].tolist(),
                "corners": seen.boxes[order].flatten().tolist(),
            }
        case LabelMap():
            labels = Image.fromarray(np.ascontiguousarray(label_bytes(seen)))
            columns = {"map": _png(_small(labels, Image.Resampling.NEAREST))}
    return {f"{prefix}{name}": value for name, value in columns.items() if f"{prefix}{name}" in SCHEMA.names}


def _small(picture: Image.Image, resampling: Image.Resampling) -> Image.Image:
    share = SIDE / max(picture.size)
    if share >= 1:
        return picture
    return picture.resize(
        (max(1, round(picture.width * share)), max(1, round(picture.height * share))), resampling
    )


def _encoded(picture: Image.Image) -> bytes:
    """JPEG, or PNG where that is not larger, as for drawings and very small images."""
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=80, optimize=True)
    png = _png(picture)
    return min(png, jpeg.getvalue(), key=len)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
