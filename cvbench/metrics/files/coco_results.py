"""Detections as COCO keeps them: a JSON list of objects with image_id, category_id, score and a shape.

    [{"image_id": 42, "category_id": 18, "bbox": [258.15, 41.29, 348.26, 243.78], "score": 0.236}, …]

A shape is a `bbox` (x, y, width, height), or a `segmentation` as run lengths or polygons.

Source: the format page of https://cocodataset.org, and `COCO.loadRes` of pycocotools 2.0.11, whose
habits are kept: where the first detection has a box, boxes give the sizes of all, masks or not.
"""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from jaxtyping import Float64, Int64

from cvbench.data.annotations.coco_masks import Segmentation
from cvbench.data.annotations.entries import Entries, Id, every_entry, sound_entries
from cvbench.data.annotations.json import decode_plain, decode_typed, kind_of, read_bytes
from cvbench.data.annotations.problems import Mistakes
from cvbench.errors import InputError
from cvbench.metrics.files.json_columns import Form, read_list


class _Boxed(msgspec.Struct, gc=False):
    image_id: Id
    category_id: Id
    score: float
    bbox: tuple[float, float, float, float]


class _Masked(msgspec.Struct, gc=False):
    image_id: Id
    category_id: Id
    score: float
    segmentation: Segmentation


class _Both(msgspec.Struct, gc=False):
    image_id: Id
    category_id: Id
    score: float
    segmentation: Segmentation
    bbox: tuple[float, float, float, float]


class CocoResults(NamedTuple):
    """The detections of a file; what has no form is left out, and among the mistakes."""

    image_id: Int64[np.ndarray, " n"]
    category_id: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    xywh: Float64[np.ndarray, "n 4"] | None
    """None where the shapes are masks that come without boxes."""
    segmentation: list[Segmentation] | None
    """None where masks were not asked for, and boxes are there."""
    place: Int64[np.ndarray, " n"]
    """In the file."""


def read_coco_results(path: Path, mistakes: Mistakes, *, masks: bool) -> CocoResults:
    """The detections of a file; raises InputError where it is no list."""
    content = read_bytes(path)
    columns = None if masks else _boxes(content)
    if columns is not None:
        return columns
    form: type[msgspec.Struct] = _Both if masks else _Boxed
    typed = decode_typed(msgspec.json.Decoder(list[form]), content)  # type: ignore[valid-type]
    if typed is not None:
        return _columns(every_entry(typed), form)
    plain = decode_plain(path, content)
    if not isinstance(plain, list):
        raise InputError(f"{path}: a results file is a list of detections, and this is {kind_of(plain)}")
    form = _form(plain[0], masks=masks) if plain else _Boxed
    return _columns(sound_entries(path, "", plain, form, mistakes), form)


_BOXES = {"image_id": Form.WHOLE, "category_id": Form.WHOLE, "score": Form.REAL, "bbox": Form.BOX}


def _boxes(content: bytes) -> CocoResults | None:
    """Boxes straight from the text, or None where that is not sure."""
    rows = read_list(content, _BOXES)
    if rows is None:
        return None
    (image_id, category_id), (score,), box = rows
    return CocoResults(image_id, category_id, score, box, None, np.arange(len(score)))


def _form(first: Any, *, masks: bool) -> type[msgspec.Struct]:
    """What every detection has to have, from what is asked for and what the first one has."""
    has = {name for name in ("bbox", "segmentation") if isinstance(first, dict) and first.get(name)}
    if masks:
        return _Both if "bbox" in has else _Masked
    return _Masked if has == {"segmentation"} else _Boxed


def _columns(entries: Entries, form: type[msgspec.Struct]) -> CocoResults:
    sound, n = entries.sound, len(entries.sound)
    boxes = chain.from_iterable(map(attrgetter("bbox"), sound)) if form is not _Masked else None
    return CocoResults(
        np.fromiter(map(attrgetter("image_id"), sound), np.int64, n),
        np.fromiter(map(attrgetter("category_id"), sound), np.int64, n),
        np.fromiter(map(attrgetter("score"), sound), np.float64, n),
        None if boxes is None else np.fromiter(boxes, np.float64, 4 * n).reshape(n, 4),
        None if form is _Boxed else [entry.segmentation for entry in sound],
        entries.place,
    )
