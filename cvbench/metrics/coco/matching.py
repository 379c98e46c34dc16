"""Image by image: who finds what, in all settings at once.

A setting is an area range with an IoU threshold (see `cvbench.boxes.cpu.coco_matching`).
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
    """All objects of a data set."""

    image: Int64[np.ndarray, " n"]
    """The image that each object is in: any number. Where scores tie, images count in its order."""
    label: Int64[np.ndarray, " n"]
    """0 … classes - 1."""
    regions: Regions
    area: Float64[np.ndarray, " n"]
    """What counts as the object's size; by COCO's custom its mask's area, also where boxes are scored."""
    crowd: Bool[np.ndarray, " n"]
    """Regions of many objects: they need not be found, and to find them costs nothing."""
    id: Int64[np.ndarray, " n"] | None = None
    """Needed only to be wrong in company: the reference takes an object with id 0 for not found."""

    def __post_init__(self) -> None:
        regions = self.regions
        require_one_each(
            "objects", self.image, self.label, regions.xywh, regions.area, self.area, self.crowd, self.id
        )


@dataclass(frozen=True, eq=False)
class CocoDetections:
    """All detections of a data set; among equals of one image and class, earlier ones are better."""

    image: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]
    regions: Regions
    score: Float64[np.ndarray, " n"]
    """Any finite numbers."""
    area: Float64[np.ndarray, " n"] | None = None
    """What counts as the detection's size, where that is not what its region covers: the reference
    takes the box's area where results hold boxes and masks, and the mask's where boxes are made of them."""

    def __post_init__(self) -> None:
        regions = self.regions
        require_one_each(
            "detections", self.image, self.label, regions.xywh, regions.area, self.score, self.area
        )


@dataclass(frozen=True, eq=False)
class MatchSettings:
    """Under which conditions detections are matched."""

    thresholds: Float64[np.ndarray, " thresholds"]
    """IoUs from which on an object counts as found, lowest first."""
    areas: tuple[tuple[float, float], ...]
    """Ranges of sizes in pixels, both ends inside."""
    limits: tuple[int, ...]
    """How many detections of an image and class count, fewest first."""

    def inside(self, area: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """The area ranges in which each size lies, a bit each."""
        word = np.zeros(len(area), np.int64)
        for a, (low, high) in enumerate(self.areas):
            word |= ((low <= area) & (area <= high)).astype(np.int64) << a
        return word

    def outside(self, area: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """The settings in whose area range each size does not lie."""
        outside, n = ~self.inside(area), len(self.thresholds)
        word = np.zeros(len(area), np.int64)
        for a in range(len(self.areas)):
            word |= (outside >> a & 1) * (((1 << n) - 1) << a * n)
        return word


class GroupedObjects(NamedTuple):
    """The objects by image and class."""

    place: Int64[np.ndarray, " n"]
    """In the input."""
    label: Int64[np.ndarray, " n"]
    image: Int64[np.ndarray, " n"]
    crowd: Bool[np.ndarray, " n"]
    passed_over: Int64[np.ndarray, " n"]
    """The settings in which nobody has to find it."""
    taken: Int64[np.ndarray, " n"]
    """The settings in which somebody found it."""


class GroupedDetections(NamedTuple):
    """The detections by image, class and falling score."""

    place: Int64[np.ndarray, " n"]
    """In the input."""
    label: Int64[np.ndarray, " n"]
    image: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    level: Int64[np.ndarray, " n"]
    """How many of the limits leave it out."""
    found: Int64[np.ndarray, " n"]
    """The settings in which it found an object …"""
    void: Int64[np.ndarray, " n"]
    """… and those in which nobody has to find that."""


class Matched(NamedTuple):
    """Detections and objects, matched; images are ranked by their numbers."""

    numbers: Int64[np.ndarray, " images"]
    """Of all images that have detections or objects, ascending."""
    found: GroupedDetections
    objects: GroupedObjects


def match_images(
    truth: CocoTruth, detections: CocoDetections, settings: MatchSettings, *, classes: int
) -> Matched:
    """Who finds what in each image."""
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
        those = slice(images.start, images.stop + 1)
        starts = places.starts[those]
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
            Standing(place, object_label, by_image.starts[those]),
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
    """All numbers of images that occur, ascending, and each object's and detection's place among them."""
    both = [numbers for numbers in (of_object, of_detection) if len(numbers)]
    low = min((int(numbers.min()) for numbers in both), default=0)
    high = max((int(numbers.max()) for numbers in both), default=0)
    if high - low > 1 << 24:  # too wide for a table
        numbers = np.unique(np.concatenate(both))
        return _Ranked(numbers, np.searchsorted(numbers, of_object), np.searchsorted(numbers, of_detection))
    present = np.zeros(high - low + 1, np.int64)
    for numbers in both:
        present[numbers - low] = 1
    places = np.cumsum(present) - 1
    return _Ranked(np.flatnonzero(present) + low, places[of_object - low], places[of_detection - low])
