"""Read truth in COCO format: one JSON object with images, categories and annotations.

Source: the format page of https://cocodataset.org.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from cvbench.data.annotations.json import (
    Entries,
    Id,
    TextIds,
    decode_plain,
    decode_typed,
    every_entry,
    kind_of,
    read_bytes,
    sound_entries,
    text_ids,
)
from cvbench.data.annotations.problems import Problems, Side
from cvbench.data.annotations.segmentations import Segmentation
from cvbench.errors import InputError


class _Image(msgspec.Struct, gc=False):
    id: Id
    height: Id | None = 0
    width: Id | None = 0
    file_name: str | int | float | None = ""


class _Category(msgspec.Struct, gc=False):
    id: Id
    name: str | int | float | None = ""


class _Boxed(msgspec.Struct, gc=False):
    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float]
    area: float | None = None
    iscrowd: Id | bool | None = None


class _Masked(msgspec.Struct, gc=False):
    id: Id
    image_id: Id
    category_id: Id
    segmentation: Segmentation
    area: float | None = None
    iscrowd: Id | bool | None = None
    bbox: msgspec.Raw = msgspec.Raw(b"")


class _Whole(msgspec.Struct, gc=False):
    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float]
    area: float | None = None
    iscrowd: Id | bool | None = None
    segmentation: msgspec.Raw = msgspec.Raw(b"")


class _BoxedFile(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Boxed]


class _MaskedFile(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Masked]


class _WholeFile(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Whole]


class _CategoriesFile(msgspec.Struct):
    categories: list[_Category]


_FILES: dict[type[msgspec.Struct], type[msgspec.Struct]] = {
    _Boxed: _BoxedFile,
    _Masked: _MaskedFile,
    _Whole: _WholeFile,
}


class CocoInstances(NamedTuple):
    """Images and categories by ascending id, and annotations in the order of the file."""

    image_id: Int64[np.ndarray, " images"]
    height: Int64[np.ndarray, " images"]
    """0 if the file does not state it."""
    width: Int64[np.ndarray, " images"]
    file_name: tuple[str, ...]
    """Empty if the file does not state it."""
    category_id: Int64[np.ndarray, " classes"]
    names: tuple[str, ...]
    """Names of the categories; ids if names are missing or repeated."""
    id: Int64[np.ndarray, " n"]
    of_image: Int64[np.ndarray, " n"]
    """The id of each annotation's image …"""
    of_category: Int64[np.ndarray, " n"]
    """… and of its category."""
    area: Float64[np.ndarray, " n"]
    """The box's area if the file does not state one; NaN if there is no box either."""
    crowd: Bool[np.ndarray, " n"]
    xywh: Float64[np.ndarray, "n 4"] | None
    """None if only masks were read."""
    segmentation: list[Any] | None
    """Segmentations; JSON or nothing if everything was read; None if only boxes were read."""
    place: Int64[np.ndarray, " n"]
    """Id of each annotation in the file."""
    image_texts: TextIds | None = None
    """For images with text ids: the texts of the numeric ids used here."""
    category_texts: TextIds | None = None
    doubtful: tuple[str, ...] = ()
    """Lists with invalid entries."""
    area_told: Bool[np.ndarray, " n"] | None = None
    """Which annotations state their area."""
    crowds_untold: int = 0
    """Number of annotations without `iscrowd`."""

    def places(
        self, image_id: Int64[np.ndarray, " n"], category_id: Int64[np.ndarray, " n"], side: Side
    ) -> Places:
        """Indices of the images and categories of a file's entries; reports unknown ones."""
        images, categories = self.image_texts, self.category_texts
        return Places(
            side.placed(
                "image_id",
                image_id,
                self.image_id,
                texts=None if images is None else images.texts,
                doubtful="images" in self.doubtful,
            ),
            side.placed(
                "category_id",
                category_id,
                self.category_id,
                texts=None if categories is None else categories.texts,
                doubtful="categories" in self.doubtful,
            ),
        )


class Places(NamedTuple):
    """Image and category index of each entry in the truth; -1 if unknown."""

    image: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]


def read_coco_instances(path: Path, problems: Problems, *, masks: bool) -> CocoInstances:
    """Read the truth of a file, with its masks or its boxes.

    Raises InputError if one of the three lists is missing.
    """
    return _read(path, read_bytes(path), _Masked if masks else _Boxed, problems)


def read_whole_instances(path: Path, content: bytes, problems: Problems) -> CocoInstances:
    """Read all content of a file, with masks as JSON text.

    Boxes are required. Raises InputError if one of the three lists is missing.
    """
    return _read(path, content, _Whole, problems)


def read_categories(path: Path) -> dict[int, str]:
    """Category names by id; raises InputError if the file has no list of categories."""
    content = read_bytes(path)
    typed = decode_typed(msgspec.json.Decoder(_CategoriesFile), content)
    if typed is not None:
        categories = every_entry(typed.categories)
        return dict(zip(sorted(entry.id for entry in categories.sound), _names(categories), strict=True))
    problems = Problems()
    whole = _read(path, content, _Whole, problems)
    problems.stop()
    return dict(zip(whole.category_id.tolist(), whole.names, strict=True))


def _read(path: Path, content: bytes, form: type[msgspec.Struct], problems: Problems) -> CocoInstances:
    typed: Any = decode_typed(msgspec.json.Decoder(_FILES[form]), content)
    if typed is not None:
        lists = [every_entry(getattr(typed, name)) for name in _Lists._fields]
        return _columns(path, _Lists(*lists), form, problems)
    plain = decode_plain(path, content)
    if not isinstance(plain, dict):
        raise InputError(
            f"{path}: an instances file is an object with images, categories and annotations, "
            f"but this is {kind_of(plain)}"
        )
    for name in _Lists._fields:
        if not isinstance(plain.get(name), list):
            what = f"its {name} are {kind_of(plain[name])}" if name in plain else f"it has no {name}"
            raise InputError(
                f"{path}: {what}; an instances file has lists of images, categories, annotations"
            )
    images, categories = text_ids(plain["images"]), text_ids(plain["categories"])
    own = text_ids(plain["annotations"])
    for ids, name, field in (
        (images, "images", "id"),
        (images, "annotations", "image_id"),
        (categories, "categories", "id"),
        (categories, "annotations", "category_id"),
        (own, "annotations", "id"),
    ):
        if ids is not None:
            plain[name] = ids.in_entries(plain[name], field)
    plain["images"] = [_with_sizes(one) for one in plain["images"]]
    raw = {_Whole: "segmentation", _Masked: "bbox"}.get(form)
    if raw is not None:
        plain["annotations"] = [_raw(one, raw) for one in plain["annotations"]]
    forms: tuple[type[msgspec.Struct], ...] = (_Image, _Category, form)
    lists = [
        sound_entries(path, name, plain[name], entry, problems)
        for name, entry in zip(_Lists._fields, forms, strict=True)
    ]
    columns = _columns(path, _Lists(*lists), form, problems)
    return columns._replace(
        id=columns.id + (own is not None),  # numbers of unknown ids are never 0
        image_texts=images,
        category_texts=categories,
        doubtful=tuple(
            name
            for name, read in zip(_Lists._fields, lists, strict=True)
            if len(read.sound) < len(plain[name])
        ),
    )


def _with_sizes(image: Any) -> Any:
    """An image with numeric sizes, also if they are written as text."""
    if not isinstance(image, dict):
        return image
    texts = {name: image.get(name) for name in ("height", "width")}
    return image | {
        n: int(t) for n, t in texts.items() if isinstance(t, str) and t.isdecimal() and len(t) < 10
    }


def _raw(annotation: Any, name: str) -> Any:
    """An annotation with one field as JSON text."""
    if not isinstance(annotation, dict) or name not in annotation:
        return annotation
    return {**annotation, name: msgspec.Raw(msgspec.json.encode(annotation[name]))}


class _Lists(NamedTuple):
    images: Entries
    categories: Entries
    annotations: Entries


def _columns(path: Path, lists: _Lists, form: type[msgspec.Struct], problems: Problems) -> CocoInstances:
    images, categories, annotations = lists
    image_id, category_id = _column(images, "id", np.int64), _column(categories, "id", np.int64)
    by_id = np.argsort(image_id, kind="stable")
    ids = _column(annotations, "id", np.int64)
    for name, some in (("images", image_id), ("categories", category_id), ("annotations", ids)):
        if len(np.unique(some)) < len(some):
            problems.add_repeated(path, f"an id that came before among the {name}", some.tolist())
    n = len(ids)
    areas, crowds = ([getattr(one, name) for one in annotations.sound] for name in ("area", "iscrowd"))
    boxes = chain.from_iterable(map(attrgetter("bbox"), annotations.sound)) if form is not _Masked else None
    xywh = None if boxes is None else np.fromiter(boxes, np.float64, 4 * n).reshape(n, 4)
    return CocoInstances(
        image_id=image_id[by_id],
        height=_sizes(images, "height")[by_id],
        width=_sizes(images, "width")[by_id],
        file_name=tuple(_text(images.sound[i].file_name) for i in by_id.tolist()),
        category_id=np.sort(category_id),
        names=_names(categories),
        id=ids,
        of_image=_column(annotations, "image_id", np.int64),
        of_category=_column(annotations, "category_id", np.int64),
        area=_areas(areas, annotations, xywh),
        crowd=np.array([bool(crowd) for crowd in crowds], np.bool_),
        xywh=xywh,
        segmentation=[entry.segmentation for entry in annotations.sound] if form is not _Boxed else None,
        place=annotations.place,
        area_told=np.array([area is not None for area in areas], np.bool_),
        crowds_untold=crowds.count(None),
    )


def _areas(
    told: list[float | None], annotations: Entries, xywh: Float64[np.ndarray, "n 4"] | None
) -> Float64[np.ndarray, " n"]:
    """The stated areas, else the areas of the boxes; NaN without a box."""
    areas = np.array([math.nan if area is None else area for area in told], np.float64)
    for i in [i for i, area in enumerate(told) if area is None]:
        box = xywh[i] if xywh is not None else _box(annotations.sound[i].bbox)
        areas[i] = math.nan if box is None else box[2] * box[3]
    return areas


def _box(raw: msgspec.Raw) -> tuple[float, float, float, float] | None:
    """A box that is used only for its area; None if it is invalid."""
    try:
        return msgspec.json.decode(bytes(raw) or b"null", type=tuple[float, float, float, float] | None)
    except msgspec.ValidationError:
        return None


def _sizes(images: Entries, name: str) -> Int64[np.ndarray, " n"]:
    """Heights or widths; 0 if missing."""
    return np.array([getattr(one, name) or 0 for one in images.sound], np.int64)


def _text(name: str | float | None) -> str:
    """A name, also if it is written as a number; empty if missing."""
    return "" if name is None else str(name)


def _column(entries: Entries, name: str, dtype: type[np.generic]) -> Shaped[np.ndarray, " n"]:
    return np.fromiter(map(attrgetter(name), entries.sound), dtype, len(entries.sound))


def _names(categories: Entries) -> tuple[str, ...]:
    ordered = sorted(categories.sound, key=attrgetter("id"))
    names = [_text(entry.name) for entry in ordered]
    count = Counter(names)
    return tuple(
        name if name and count[name] == 1 else f"{name} {entry.id}".strip()
        for name, entry in zip(names, ordered, strict=True)
    )
