"""Matching of detections to objects per image, in all settings together.

A setting is an area range and an IoU threshold (see `cvbench.boxes.cpu.coco_matching`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.arrays import require_one_each
from cvbench.boxes.cpu.coco_matching import match_candidates
from cvbench.boxes.cpu.coco_overlap import Standing, find_candidates
from cvbench.boxes.cpu.sorting import group
from cvbench.boxes.masks import Regions
from cvbench.boxes.threads import in_threads, spans
from cvbench.metrics.coco.sorting import rank


@dataclass(frozen=True, eq=False)
class CocoTruth:
    """All objects of a dataset."""

    image: Int64[np.ndarray, " n"]
    """Image number of each object, any integer. It orders images with equal scores."""
    label: Int64[np.ndarray, " n"]
    """0 … classes - 1."""
    regions: Regions
    area: Float64[np.ndarray, " n"]
    """Area in pixels²; in COCO files the area of the mask, even if boxes are scored."""
    crowd: Bool[np.ndarray, " n"]
    """Crowd regions: they need not be found, and detections that match them are ignored."""
    id: Int64[np.ndarray, " n"] | None = None
    """Annotation ids, to reproduce a bug of pycocotools: an object with id 0 counts as not found."""

    def __post_init__(self) -> None:
        regions = self.regions
        require_one_each(
            "objects", self.image, self.label, regions.xywh, regions.area, self.area, self.crowd, self.id
        )


@dataclass(frozen=True, eq=False)
class CocoDetections:
    """All detections of a dataset; of equal scores in one image and class, earlier ones rank higher."""

    image: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]
    regions: Regions
    score: Float64[np.ndarray, " n"]
    """Any finite numbers."""
    area: Float64[np.ndarray, " n"] | None = None
    """Area of the detection, if it differs from its region's: pycocotools uses the box's area for results
    with boxes and masks, and the mask's area for boxes computed from masks."""

    def __post_init__(self) -> None:
        regions = self.regions
        require_one_each(
            "detections", self.image, self.label, regions.xywh, regions.area, self.score, self.area
        )


@dataclass(frozen=True, eq=False)
class MatchSettings:
    """Settings of the matching."""

    thresholds: Float64[np.ndarray, " thresholds"]
    """IoU thresholds, ascending."""
    areas: tuple[tuple[float, float], ...]
    """Area ranges in pixels², both ends inclusive."""
    limits: tuple[int, ...]
    """Limits on the number of detections per image and class, ascending."""

    def inside(self, area: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """Bit mask of the area ranges that contain each area."""
        word = np.zeros(len(area), np.int64)
        for a, (low, high) in enumerate(self.areas):
            word |= ((low <= area) & (area <= high)).astype(np.int64) << a
        return word

    def outside(self, area: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """The settings whose area range does not contain each area."""
        outside, n = ~self.inside(area), len(self.thresholds)
        word = np.zeros(len(area), np.int64)
        for a in range(len(self.areas)):
            word |= (outside >> a & 1) * (((1 << n) - 1) << a * n)
        return word


class GroupedObjects(NamedTuple):
    """The objects by image and class."""

    place: Int64[np.ndarray, " n"]
    """Index in the input."""
    label: Int64[np.ndarray, " n"]
    image: Int64[np.ndarray, " n"]
    crowd: Bool[np.ndarray, " n"]
    passed_over: Int64[np.ndarray, " n"]
    """The settings in which the object is ignored."""
    taken: Int64[np.ndarray, " n"]
    """The settings in which the object is matched."""


class GroupedDetections(NamedTuple):
    """The detections by image, class and falling score."""

    place: Int64[np.ndarray, " n"]
    """Index in the input."""
    label: Int64[np.ndarray, " n"]
    image: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    level: Int64[np.ndarray, " n"]
    """Number of limits that exclude the detection."""
    found: Int64[np.ndarray, " n"]
    """The settings in which the detection matches an object."""
    void: Int64[np.ndarray, " n"]
    """The settings in which that object is ignored."""


class Matched(NamedTuple):
    """Matched detections and objects; their `image` is an index into `numbers`."""

    numbers: Int64[np.ndarray, " images"]
    """Numbers of all images with detections or objects, ascending."""
    found: GroupedDetections
    objects: GroupedObjects


def match_images(
    truth: CocoTruth, detections: CocoDetections, settings: MatchSettings, *, classes: int
) -> Matched:
    """Match the detections of each image to its objects."""
    numbers, of_object, of_detection = _ranked(truth.image, detections.image)
    by_class = group(truth.label, classes).order
    by_image = group(of_object[by_class], len(numbers))
    place = by_class[by_image.order]
    object_label, crowd = truth.label[place], truth.crowd[place]
    passed_over = np.where(crowd, -1, settings.outside(truth.area[place]))
    nameless = -1 if truth.id is None else int(np.append(np.flatnonzero(truth.id[place] == 0), -1)[0])
    limits = np.array(settings.limits)
    thresholds = np.minimum(settings.thresholds, 1 - 1e-10)
    places = group(of_detection, len(numbers))

    def match(images: slice) -> tuple[Int64[np.ndarray, " n"], ...]:
        ends = slice(images.start, images.stop + 1)
        starts = places.starts[ends]
        ranked = rank(
            places.order[starts[0] : starts[-1]],
            starts - starts[0],
            detections.label,
            detections.score,
            limits,
            classes,
        )
        candidates = find_candidates(
            Standing(ranked.place, ranked.label, starts - starts[0]),
            ranked.level,
            len(limits),
            detections.regions,
            Standing(place, object_label, by_image.starts[ends]),
            crowd,
            truth.regions,
            thresholds[0],
        )
        fate = match_candidates(candidates, thresholds, len(settings.areas), passed_over, crowd, nameless)
        own = slice(by_image.starts[images.start], by_image.starts[images.stop])
        return *ranked, fate.found, fate.void, fate.taken[own]

    parts = in_threads(match, spans(places.starts))
    at, label, level, found, void, taken = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Matched(
        numbers,
        GroupedDetections(at, label, of_detection[at], detections.score[at], level, found, void),
        GroupedObjects(place, object_label, of_object[place], crowd, passed_over, taken),
    )


class _Ranked(NamedTuple):
    numbers: Int64[np.ndarray, " images"]
    of_object: Int64[np.ndarray, " objects"]
    of_detection: Int64[np.ndarray, " detections"]


def _ranked(
    of_object: Int64[np.ndarray, " objects"], of_detection: Int64[np.ndarray, " detections"]
) -> _Ranked:
    """All image numbers, ascending, and the index of each object's and detection's image among them."""
    both = [numbers for numbers in (of_object, of_detection) if len(numbers)]
    low = min((int(numbers.min()) for numbers in both), default=0)
    high = max((int(numbers.max()) for numbers in both), default=0)
    if high - low > 1 << 24:  # too wide for a lookup table
        numbers = np.unique(np.concatenate(both))
        return _Ranked(numbers, np.searchsorted(numbers, of_object), np.searchsorted(numbers, of_detection))
    present = np.zeros(high - low + 1, np.int64)
    for numbers in both:
        present[numbers - low] = 1
    places = np.cumsum(present) - 1
    return _Ranked(np.flatnonzero(present) + low, places[of_object - low], places[of_detection - low])
