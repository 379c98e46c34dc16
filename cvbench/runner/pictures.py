"""The worst images of a cell as a small file: each with its truth and with what was said of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from cvbench.interfaces import Dataset
from cvbench.runner.worst_images import Bad
from cvbench.values import ClassScores, Detections, LabelMap, Prediction

SIDE: Final = 224
"""The longer side of a kept picture, in pixels, at most; a smaller image stays as it is."""
BEST_SCORES: Final = 5
"""So many classes of a classification are kept …"""
BEST_DETECTIONS: Final = 50
"""… and so many detections."""

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
"""`docs/records.md` says what stands in each column."""


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
            labels = Image.fromarray(np.ascontiguousarray(seen.labels.cpu().numpy()))
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
    """JPEG, or PNG where that is no larger: drawings and very small images."""
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=80, optimize=True)
    png = _png(picture)
    return min(png, jpeg.getvalue(), key=len)


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
