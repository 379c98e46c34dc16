"""Truth as COCO keeps it: one JSON object with images, categories and annotations.

Source: the format page of https://cocodataset.org.
"""

from __future__ import annotations

import math
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from cvbench.data.annotations.json import (
    Entries,
    Id,
    decode_plain,
    decode_typed,
    every_entry,
    kind_of,
    read_bytes,
    sound_entries,
)
from cvbench.data.annotations.problems import Problems
from cvbench.errors import InputError

FARTHEST = 1 << 20
"""Corners of polygons lie within so many pixels; drawing takes time and memory by their distance."""

UNFILLED = "run lengths that do not fill the image"


class Runs(msgspec.Struct, gc=False):
    """Run lengths, as text (compressed) or as numbers."""

    size: tuple[int, int]
    """Height and width."""
    counts: str | list[int]


Segmentation: TypeAlias = Runs | list[list[float]]


def problem_of(segmentation: Segmentation, height: int, width: int) -> tuple[str, str] | None:
    """What is wrong with a segmentation, as kind and value."""
    if isinstance(segmentation, Runs):
        return _problem_of_runs(segmentation, height, width)
    if not segmentation:
        return "a segmentation without a polygon", "[]"
    for polygon in segmentation:
        if len(polygon) < 6 or len(polygon) % 2:
            return "a polygon that is not three or more corners", f"{len(polygon)} numbers"
        if not all(-FARTHEST < number < FARTHEST for number in polygon):
            far = next(number for number in polygon if not -FARTHEST < number < FARTHEST)
            return "a corner of a polygon that is nowhere near the image", f"{far}"
    return None


def _problem_of_runs(runs: Runs, height: int, width: int) -> tuple[str, str] | None:
    if runs.size != (height, width):
        return "run lengths of another size than the image", f"{runs.size} for {(height, width)}"
    if isinstance(runs.counts, str):
        if not runs.counts or not all("0" <= character <= "o" for character in set(runs.counts)):
            return "run lengths that are none", f"{runs.counts[:40]!r}"
    elif sum(runs.counts) != height * width or min(runs.counts) < 0:
        return UNFILLED, f"{sum(runs.counts)} of {height * width} pixels"
    return None


def text_of(segmentation: Segmentation, height: int, width: int) -> bytes:
    """A sound segmentation as the text of compressed run lengths."""
    if isinstance(segmentation, Runs) and isinstance(segmentation.counts, str):
        return segmentation.counts.encode("ascii")
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, Runs):
        runs = {"size": [height, width], "counts": segmentation.counts}
        return bytes(coco_mask.frPyObjects(runs, height, width)["counts"])
    return bytes(coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))["counts"])


class _Image(msgspec.Struct, gc=False):
    id: Id
    height: Id = 0
    width: Id = 0
    file_name: str = ""


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


class _Whole(msgspec.Struct, gc=False):
    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float]
    area: float = math.nan
    iscrowd: Id | bool = 0
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
    """Images and categories by rising id, and the annotations in the order of the file."""

    image_id: Int64[np.ndarray, " images"]
    height: Int64[np.ndarray, " images"]
    """0 where the file does not say it."""
    width: Int64[np.ndarray, " images"]
    file_name: tuple[str, ...]
    """Empty where the file does not say it."""
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
    """None where only masks were read."""
    segmentation: list[Any] | None
    """Each a Segmentation, or, where all was read, JSON or nothing; None where only boxes were read."""
    place: Int64[np.ndarray, " n"]
    """Of each annotation in the file."""


def read_coco_instances(path: Path, problems: Problems, *, masks: bool) -> CocoInstances:
    """The truth in a file, with its masks or with its boxes.

    Raises InputError where it has not the three lists.
    """
    return _read(path, read_bytes(path), _Masked if masks else _Boxed, problems)


def read_whole_instances(path: Path, content: bytes, problems: Problems) -> CocoInstances:
    """All that the content of a file says, masks as the JSON they are written in.

    Boxes are asked for; an `area` that is not told is NaN, an `iscrowd` that is not told is no. Raises
    InputError where the file has not the three lists.
    """
    return _read(path, content, _Whole, problems)


def read_categories(path: Path) -> dict[int, str]:
    """The names of a file's categories by id; raises InputError where it has no list of categories."""
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
            f"and this is {kind_of(plain)}"
        )
    lists = []
    for name, entry in (("images", _Image), ("categories", _Category), ("annotations", form)):
        if not isinstance(plain.get(name), list):
            what = f"its {name} are {kind_of(plain[name])}" if name in plain else f"it has no {name}"
            raise InputError(
                f"{path}: {what}; an instances file has lists of images, categories, annotations"
            )
        entries = [_raw(one) for one in plain[name]] if entry is _Whole else plain[name]
        lists.append(sound_entries(path, name, entries, entry, problems))
    return _columns(path, _Lists(*lists), form, problems)


def _raw(annotation: Any) -> Any:
    """An annotation whose segmentation is JSON again."""
    if not isinstance(annotation, dict) or "segmentation" not in annotation:
        return annotation
    return {**annotation, "segmentation": msgspec.Raw(msgspec.json.encode(annotation["segmentation"]))}


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
    boxes = chain.from_iterable(map(attrgetter("bbox"), annotations.sound)) if form is not _Masked else None
    return CocoInstances(
        image_id=image_id[by_id],
        height=_column(images, "height", np.int64)[by_id],
        width=_column(images, "width", np.int64)[by_id],
        file_name=tuple(images.sound[i].file_name for i in by_id.tolist()),
        category_id=np.sort(category_id),
        names=_names(categories),
        id=ids,
        of_image=_column(annotations, "image_id", np.int64),
        of_category=_column(annotations, "category_id", np.int64),
        area=_column(annotations, "area", np.float64),
        crowd=_column(annotations, "iscrowd", np.bool_),
        xywh=None if boxes is None else np.fromiter(boxes, np.float64, 4 * n).reshape(n, 4),
        segmentation=[entry.segmentation for entry in annotations.sound] if form is not _Boxed else None,
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
