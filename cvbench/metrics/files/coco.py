"""Reader of COCO results and instances files; returns arrays for the metrics or raises with all problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import msgspec
import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.masks import Regions, RunLengths, box_regions, mask_regions, parse
from cvbench.data.annotations.coco import CocoInstances, read_coco_instances
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
from cvbench.data.annotations.problems import Problems, Side
from cvbench.data.annotations.segmentations import UNFILLED, Segmentation, problem_of, text_of
from cvbench.errors import InputError
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.files.coco_traps import box_notes, untold
from cvbench.metrics.files.json_columns import FieldKind, read_list


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
    """The valid detections of a file; invalid ones are among the problems."""

    image_id: Int64[np.ndarray, " n"]
    category_id: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    xywh: Float64[np.ndarray, "n 4"] | None
    """None if the file has masks without boxes."""
    segmentation: list[Segmentation] | None
    """None if boxes are scored and the file has boxes."""
    place: Int64[np.ndarray, " n"]
    """Position in the file, from 0."""


def read_coco_results(
    path: Path, problems: Problems, *, masks: bool, truth: CocoInstances | None = None
) -> CocoResults:
    """Read the detections of a file; raises InputError if it is not a list.

    If the truth has strings as ids, the detections' ids are mapped to the same numbers.
    """
    content = read_bytes(path)
    images, categories = (truth.image_texts, truth.category_texts) if truth else (None, None)
    form: type[msgspec.Struct] = _Both if masks else _Boxed
    if images is None and categories is None:
        columns = None if masks else _boxes(content)
        if columns is not None:
            return columns
        typed = decode_typed(msgspec.json.Decoder(list[form]), content)  # type: ignore[valid-type]
        if typed is not None:
            return _columns(every_entry(typed), form)
    plain = decode_plain(path, content)
    if not isinstance(plain, list):
        raise InputError(f"{path}: a results file must be a list of detections, not {kind_of(plain)}")
    form = _form(plain[0], masks=masks) if plain else _Boxed
    _hint_at_texts(path, plain, problems, truth)
    for ids, name in ((images, "image_id"), (categories, "category_id")):
        if ids is not None:
            plain = ids.in_entries(plain, name)
            what = "The truth has strings as ids: write the same strings, in quotes."
            problems.remedy(path, f"{name} that the truth does not have", what)
    return _columns(sound_entries(path, "", plain, form, problems), form)


def _hint_at_texts(path: Path, plain: list[Any], problems: Problems, truth: CocoInstances | None) -> None:
    """Add a remedy if images have strings as ids here and numbers in the truth."""
    if truth is None or truth.image_texts is not None:
        return
    texts = [
        one["image_id"] for one in plain if isinstance(one, dict) and isinstance(one.get("image_id"), str)
    ]
    if texts:
        stems = {PurePath(name).stem for name in truth.file_name}
        named = PurePath(texts[0]).stem in stems
        problems.remedy(
            path,
            "image_id: expected int, got str",
            "The value is a file_name of the truth: write the id of that image."
            if named
            else "The truth has numbers as image ids: write the same numbers, without quotes.",
        )


_BOXES = {
    "image_id": FieldKind.WHOLE,
    "category_id": FieldKind.WHOLE,
    "score": FieldKind.REAL,
    "bbox": FieldKind.BOX,
}


def _boxes(content: bytes) -> CocoResults | None:
    """Boxes parsed by the fast reader, or None if it refuses the text."""
    rows = read_list(content, _BOXES)
    if rows is None:
        return None
    (image_id, category_id), (score,), box = rows
    return CocoResults(image_id, category_id, score, box, None, np.arange(len(score)))


def _form(first: Any, *, masks: bool) -> type[msgspec.Struct]:
    """The required fields of every detection, from the protocol and the first detection."""
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


def read_masks(
    segmentations: Sequence[Segmentation],
    height: Int64[np.ndarray, " n"],
    width: Int64[np.ndarray, " n"],
    side: Side,
) -> RunLengths:
    """The masks as run lengths, each for an image of its own size; invalid ones are among the problems.

    Masks of images without a valid size are empty.
    """
    texts = []
    for i, (segmentation, h, w) in enumerate(
        zip(segmentations, height.tolist(), width.tolist(), strict=True)
    ):
        wrong = problem_of(segmentation, h, w) if h > 0 < w else None
        if wrong is not None:
            side.problems.add(side.file, wrong[0], f"{side.at(i)}: {wrong[1]}")
        texts.append(b"" if wrong is not None or h <= 0 or w <= 0 else text_of(segmentation, h, w))
    starts = np.cumsum([0, *map(len, texts)])
    counts, run_starts = parse(np.frombuffer(b"".join(texts), np.uint8), starts)
    covered = np.diff(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])[run_starts])
    side.problems.add_where(
        side.file,
        UNFILLED,
        (covered != height * width) & (np.diff(starts) > 0),
        lambda i: f"{side.at(i)}: {covered[i]} of {height[i] * width[i]} pixels",
    )
    return RunLengths(counts, run_starts, height, width)


@dataclass(frozen=True, eq=False)
class CocoFiles:
    """Detections and objects of one dataset; images are numbered from 0 in the order of their ids."""

    truth: CocoTruth
    detections: CocoDetections
    classes: tuple[str, ...]
    images: int
    difficult: Bool[np.ndarray, " objects"]
    """Difficult objects of VOC files; COCO has no such flag and counts them like other objects."""
    notes: tuple[str, ...] = ()
    """Notes on the files, independent of the metric."""


def read_coco(predictions: Path, truth: Path, *, masks: bool) -> CocoFiles:
    """Read both files; raises InputError with all problems of either.

    If boxes are scored and detections have only masks, the masks' bounding boxes are used.
    """
    problems = Problems()
    instances = read_coco_instances(truth, problems, masks=masks)
    results = read_coco_results(predictions, problems, masks=masks, truth=instances)
    objects = Side(truth, "annotations", instances.place, problems)
    found = Side(predictions, "", results.place, problems)
    of_object, label = instances.places(instances.of_image, instances.of_category, objects)
    of_detection, found_label = instances.places(results.image_id, results.category_id, found)
    given = instances.area_told if masks and instances.area_told is not None else np.True_
    objects.check_finite("area", np.where(given, instances.area, 0.0))
    objects.check_not_negative("area", instances.area)
    objects.check_boxes(instances.xywh)
    found.check_finite("score", results.score)
    found.check_boxes(results.xywh)
    if results.segmentation is not None or instances.segmentation is not None:
        _check_sizes(truth, instances, problems)
    true_masks = _masks(instances.segmentation, of_object, instances, objects)
    found_masks = _masks(results.segmentation, of_detection, instances, found)
    problems.stop()
    regions = _regions(instances.xywh, true_masks, masks=masks)
    truth_arrays = CocoTruth(
        of_object,
        label,
        regions,
        np.where(np.isnan(instances.area), regions.area, instances.area),
        instances.crowd,
        instances.id,
    )
    return CocoFiles(
        truth_arrays,
        CocoDetections(
            of_detection,
            found_label,
            _regions(results.xywh, found_masks, masks=masks),
            results.score,
            _size(results.xywh, found_masks),
        ),
        instances.names,
        len(instances.image_id),
        np.zeros(len(label), np.bool_),
        (
            *untold(truth, instances),
            *box_notes(truth, instances, instances.xywh, of_object, "annotations"),
            *box_notes(predictions, instances, results.xywh, of_detection, "detections"),
        ),
    )


def _masks(
    segmentation: Sequence[Segmentation] | None,
    image: Int64[np.ndarray, " n"],
    instances: CocoInstances,
    side: Side,
) -> RunLengths | None:
    """The masks of one side; empty for images that are missing or have no size."""
    if segmentation is None:
        return None
    height, width = (np.append(sizes, 0)[image] for sizes in (instances.height, instances.width))
    return read_masks(segmentation, height, width, side)


def _regions(xywh: Float64[np.ndarray, "n 4"] | None, found: RunLengths | None, *, masks: bool) -> Regions:
    """Masks if `masks`, else boxes, or the masks' bounding boxes without boxes."""
    if found is None or (xywh is not None and not masks):
        assert xywh is not None
        return box_regions(xywh)
    regions = mask_regions(found)
    return regions if masks else box_regions(regions.xywh)


def _size(
    xywh: Float64[np.ndarray, "n 4"] | None, found: RunLengths | None
) -> Float64[np.ndarray, " n"] | None:
    """A detection's area, if that is not the area of its region."""
    if found is None:
        return None
    return mask_regions(found).area if xywh is None else box_regions(xywh).area


def _check_sizes(path: Path, instances: CocoInstances, problems: Problems) -> None:
    height, width = instances.height, instances.width
    problems.add_where(
        path,
        "image without height and width, which masks need",
        (height <= 0) | (width <= 0),
        lambda i: f"id {instances.image_id[i]}: {height[i]} x {width[i]}",
    )
    problems.add_where(
        path,
        f"image larger than {_SIDE:,} pixels along a side, the limit for run-length masks",
        (height > _SIDE) | (width > _SIDE),
        lambda i: f"id {instances.image_id[i]}: {height[i]} x {width[i]}",
    )


_SIDE = 1 << 15
"""Maximum pixels along one side, so that the pixel count fits 32 bits."""
