"""Truth as COCO keeps it: one JSON object with images, categories and annotations.

Source: the format page of https://cocodataset.org.
"""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from cvbench.errors import InputError
from cvbench.scoring.coco_masks import Segmentation
from cvbench.scoring.entries import Entries, Id, every_entry, sound_entries
from cvbench.scoring.json_files import decode_plain, decode_typed, kind_of, read_bytes
from cvbench.scoring.mistakes import Mistakes


class _Image(msgspec.Struct, gc=False):
    id: Id
    height: Id = 0
    width: Id = 0


class _Category(msgspec.Struct, gc=False):
    id: Id
    name: str = ""


class _Boxed(msgspec.Struct, gc=False):
    id: Id
    image_id: Id
    category_id: Id
    area: float
    iscrowd: Id | bool
    bbox: tuple[float, float, float, float]


class _Masked(msgspec.Struct, gc=False):
    id: Id
    image_id: Id
    category_id: Id
    area: float
    iscrowd: Id | bool
    segmentation: Segmentation


class _BoxedFile(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Boxed]


class _MaskedFile(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Masked]


class CocoInstances(NamedTuple):
    """Images and categories by rising id, and the annotations in the order of the file."""

    image_id: Int64[np.ndarray, " images"]
    height: Int64[np.ndarray, " images"]
    """0 where the file does not say it."""
    width: Int64[np.ndarray, " images"]
    category_id: Int64[np.ndarray, " classes"]
    names: tuple[str, ...]
    """Of the categories; ids where they have no names, or where two have the same."""
    id: Int64[np.ndarray, " n"]
    of_image: Int64[np.ndarray, " n"]
    """The id of each annotation's image …"""
    of_category: Int64[np.ndarray, " n"]
    """… and of its category."""
    area: Float64[np.ndarray, " n"]
    crowd: Bool[np.ndarray, " n"]
    xywh: Float64[np.ndarray, "n 4"] | None
    segmentation: list[Segmentation] | None
    place: Int64[np.ndarray, " n"]
    """Of each annotation in the file."""


def read_coco_instances(path: Path, mistakes: Mistakes, *, masks: bool) -> CocoInstances:
    """The truth in a file; raises InputError where it has not the three lists."""
    content = read_bytes(path)
    form: Any = _MaskedFile if masks else _BoxedFile
    typed: Any = decode_typed(msgspec.json.Decoder(form), content)
    if typed is not None:
        lists = [every_entry(getattr(typed, name)) for name in _Lists._fields]
        return _columns(path, _Lists(*lists), mistakes, masks=masks)
    plain = decode_plain(path, content)
    if not isinstance(plain, dict):
        raise InputError(
            f"{path}: an instances file is an object with images, categories and annotations, "
            f"and this is {kind_of(plain)}"
        )
    lists = []
    for name, entry in (
        ("images", _Image),
        ("categories", _Category),
        ("annotations", _Masked if masks else _Boxed),
    ):
        if not isinstance(plain.get(name), list):
            what = f"its {name} are {kind_of(plain[name])}" if name in plain else f"it has no {name}"
            raise InputError(
                f"{path}: {what}; an instances file has lists of images, categories, annotations"
            )
        lists.append(sound_entries(path, name, plain[name], entry, mistakes))
    return _columns(path, _Lists(*lists), mistakes, masks=masks)


class _Lists(NamedTuple):
    images: Entries
    categories: Entries
    annotations: Entries


def _columns(path: Path, lists: _Lists, mistakes: Mistakes, *, masks: bool) -> CocoInstances:
    images, categories, annotations = lists
    image_id, category_id = _column(images, "id", np.int64), _column(categories, "id", np.int64)
    by_id = np.argsort(image_id, kind="stable")
    ids = _column(annotations, "id", np.int64)
    for name, some in (("images", image_id), ("categories", category_id), ("annotations", ids)):
        if len(np.unique(some)) < len(some):
            mistakes.add_repeated(path, f"an id that came before among the {name}", some.tolist())
    n = len(ids)
    boxes = chain.from_iterable(map(attrgetter("bbox"), annotations.sound)) if not masks else None
    return CocoInstances(
        image_id=image_id[by_id],
        height=_column(images, "height", np.int64)[by_id],
        width=_column(images, "width", np.int64)[by_id],
        category_id=np.sort(category_id),
        names=_names(categories),
        id=ids,
        of_image=_column(annotations, "image_id", np.int64),
        of_category=_column(annotations, "category_id", np.int64),
        area=_column(annotations, "area", np.float64),
        crowd=_column(annotations, "iscrowd", np.bool_),
        xywh=None if boxes is None else np.fromiter(boxes, np.float64, 4 * n).reshape(n, 4),
        segmentation=[entry.segmentation for entry in annotations.sound] if masks else None,
        place=annotations.place,
    )


def _column(entries: Entries, name: str, dtype: type[np.generic]) -> Shaped[np.ndarray, " n"]:
    return np.fromiter(map(attrgetter(name), entries.sound), dtype, len(entries.sound))


def _names(categories: Entries) -> tuple[str, ...]:
    ordered = sorted(categories.sound, key=attrgetter("id"))
    names = [entry.name for entry in ordered]
    return tuple(
        entry.name if entry.name and names.count(entry.name) == 1 else f"{entry.name} {entry.id}".strip()
        for entry in ordered
    )
