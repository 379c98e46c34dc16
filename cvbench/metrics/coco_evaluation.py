"""The COCO evaluation: from flat arrays to precision, recall and scores in every setting.

It goes in three steps. Image by image, detections are ranked and matched, in all settings at once.
Class by class, they are lined up by score. Then the curves are traced, as often as one likes: with
every image counted once, or with weights.

Source: Lin et al., Microsoft COCO: Common Objects in Context, 2014; the arrays are those of
pycocotools 2.0.11, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.coco_matching import match_candidates
from cvbench.metrics.coco_arrays import CocoDetections, CocoTruth
from cvbench.metrics.coco_curves import Line, hits_before, positives, trace_curves
from cvbench.metrics.coco_overlap import Standing, find_candidates
from cvbench.metrics.coco_ranking import group, rank, sort_by_falling_score

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
AREAS = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
"""In pixels, both ends inside: an object of exactly 1024 is small and medium."""
MAX_DETS = (1, 10, 100)
"""How many detections of an image and class count: the best, the best ten, the best hundred."""

_THRESHOLDS = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)
_EVERY_THRESHOLD = (1 << len(IOU_THRESHOLDS)) - 1


@dataclass(frozen=True, eq=False)
class CocoEvaluation:
    """The arrays of the reference's `COCOeval.eval`; -1 stands where there is no object to be found."""

    precision: Float64[np.ndarray, "thresholds recalls classes areas limits"]
    recall: Float64[np.ndarray, "thresholds classes areas limits"]
    scores: Float64[np.ndarray, "thresholds recalls classes areas limits"]
    """The score at which each recall is reached."""
    objects: Float64[np.ndarray, "classes areas"]
    """How many objects there are to be found; their weight, where images have weights."""
    max_dets: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class CocoMatches:
    """Who found what, lined up: all that the curves need, for any weighting of the images."""

    lines: Sequence[Line]
    """One a class."""
    images: Int64[np.ndarray, " images"]
    """The numbers of all images that have objects or detections, ascending."""
    max_dets: tuple[int, ...]

    def evaluate(self, weights: Float64[np.ndarray, " images"] | None = None) -> CocoEvaluation:
        """The curves, with every image counted once, or as often as its weight says.

        Weights are whole numbers, in the order of `images`. All 1 gives the plain arrays to the bit.
        """
        if weights is None:
            weights = np.ones(len(self.images))
        shape = len(self.lines), len(self.max_dets), len(AREAS), len(IOU_THRESHOLDS), len(RECALLS)
        precision, scores = np.empty(shape), np.empty(shape)
        recall = np.empty(shape[:-1])

        def trace(k: int) -> None:
            for level in range(len(self.max_dets)):
                out = precision[k, level], recall[k, level], scores[k, level]
                trace_curves(self.lines[k], level, weights, RECALLS, *out)

        in_threads(trace, range(len(self.lines)))
        objects = [positives(line, weights, len(AREAS), len(IOU_THRESHOLDS)) for line in self.lines]
        return CocoEvaluation(
            precision.transpose(3, 4, 0, 2, 1),
            recall.transpose(3, 0, 2, 1),
            scores.transpose(3, 4, 0, 2, 1),
            np.array(objects).reshape(-1, len(AREAS)),
            self.max_dets,
        )


def evaluate_coco(
    truth: CocoTruth, detections: CocoDetections, *, classes: int, max_dets: Sequence[int] = MAX_DETS
) -> CocoEvaluation:
    """Precision, recall and scores of detections, over all images that occur in either.

    Masks are compared where the regions are masks, otherwise boxes. `max_dets` are limits on the
    detections of an image and class, smallest first.
    """
    return match_coco(truth, detections, classes=classes, max_dets=max_dets).evaluate()


def match_coco(
    truth: CocoTruth, detections: CocoDetections, *, classes: int, max_dets: Sequence[int] = MAX_DETS
) -> CocoMatches:
    """Who finds what, in every setting."""
    limits = np.array(sorted(max_dets))
    images, of_object, of_detection = _numbered(truth.image, detections.image)
    objects = _stand(truth, of_object, len(images), classes)
    places = group(of_detection, len(images))

    def match(span: tuple[int, int]) -> tuple[Int64[np.ndarray, " n"], ...]:
        those = slice(span[0], span[1] + 1)
        starts = places.starts[those] - places.starts[span[0]]
        order = places.order[places.starts[span[0]] : places.starts[span[1]]]
        ranked = rank(order, starts, detections.label, detections.score, limits, classes)
        candidates = find_candidates(
            Standing(ranked.place, ranked.label, starts),
            ranked.level,
            len(limits),
            detections.regions,
            Standing(objects.place, objects.label, objects.starts[those]),
            objects.crowd,
            truth.regions,
            _THRESHOLDS[0],
        )
        fate = match_candidates(
            candidates, _THRESHOLDS, len(AREAS), objects.passed_over, objects.crowd, objects.unnoticed
        )
        return *ranked, *fate

    parts = in_threads(match, _spans(places.starts))
    place, label, level, found, void = (np.concatenate(part) for part in zip(*parts, strict=True))
    matched = _Matched(
        of_detection[place],
        detections.score[place],
        level,
        _inside(detections.regions.area)[place],
        found,
        void,
    )
    members, things = group(label, classes), group(objects.label, classes)

    def line_up(k: int) -> Line:
        own = things.order[things.starts[k] : things.starts[k + 1]]
        here = members.order[members.starts[k] : members.starts[k + 1]]
        return _line_up(matched, here, len(limits), objects.image[own], objects.passed_over[own])

    return CocoMatches(in_threads(line_up, range(classes)), images, tuple(limits.tolist()))


class _Objects(NamedTuple):
    """The objects by image and class."""

    place: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]
    image: Int64[np.ndarray, " n"]
    starts: Int64[np.ndarray, " images+1"]
    crowd: Bool[np.ndarray, " n"]
    passed_over: Int64[np.ndarray, " n"]
    unnoticed: int
    """The one with id 0, or -1."""


class _Matched(NamedTuple):
    """All detections by image, class and falling score; the fields are those of `Line`."""

    image: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    level: Int64[np.ndarray, " n"]
    inside: Int64[np.ndarray, " n"]
    found: Int64[np.ndarray, " n"]
    void: Int64[np.ndarray, " n"]


def _stand(truth: CocoTruth, image: Int64[np.ndarray, " n"], images: int, classes: int) -> _Objects:
    by_class = group(truth.label, classes).order
    by_image = group(image[by_class], images)
    place = by_class[by_image.order]
    crowd = truth.crowd[place]
    outside = ~np.where(crowd, 0, _inside(truth.area)[place])
    passed_over = np.zeros(len(place), np.int64)
    for a in range(len(AREAS)):
        passed_over |= (outside >> a & 1) * (_EVERY_THRESHOLD << a * len(IOU_THRESHOLDS))
    nameless = [] if truth.id is None else np.flatnonzero(truth.id[place] == 0).tolist()
    return _Objects(
        place, truth.label[place], image[place], by_image.starts, crowd, passed_over, (*nameless, -1)[0]
    )


def _line_up(
    matched: _Matched,
    here: Int64[np.ndarray, " n"],
    limits: int,
    object_image: Int64[np.ndarray, " objects"],
    passed_over: Int64[np.ndarray, " objects"],
) -> Line:
    """The line of a class, whose detections are `here` among all."""
    is_hit = matched.found[here] != 0
    hits = here[is_hit]
    sort_by_falling_score(hits, matched.score)
    misses = here[~is_hit & (matched.level[here] < limits)]
    between = group(hits_before(misses, hits, matched.score), len(hits) + 1)
    misses = misses[between.order[: between.starts[-2]]]
    return Line(
        hit_image=matched.image[hits],
        hit_score=matched.score[hits],
        hit_level=matched.level[hits],
        hit_inside=matched.inside[hits],
        hit_found=matched.found[hits],
        hit_void=matched.void[hits],
        miss_starts=between.starts[:-1],
        miss_image=matched.image[misses],
        miss_level=matched.level[misses],
        miss_inside=matched.inside[misses],
        object_image=object_image,
        object_passed_over=passed_over,
        top=float(matched.score[here].max()) if len(here) else 0.0,
    )


def _inside(area: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The area ranges in which each size lies, a bit each."""
    word = np.zeros(len(area), np.int64)
    for a, (low, high) in enumerate(AREAS.values()):
        word |= ((low <= area) & (area <= high)).astype(np.int64) << a
    return word


class _Numbered(NamedTuple):
    numbers: Int64[np.ndarray, " images"]
    of_object: Int64[np.ndarray, " objects"]
    of_detection: Int64[np.ndarray, " detections"]


def _numbered(
    of_object: Int64[np.ndarray, " objects"], of_detection: Int64[np.ndarray, " detections"]
) -> _Numbered:
    """All numbers that occur, ascending, and the rank of each object's and detection's among them."""
    every = np.concatenate([of_object, of_detection])
    low, high = (int(every.min()), int(every.max())) if len(every) else (0, 0)
    if high - low > 1 << 24:  # too wide for a table
        numbers = np.unique(every)
        return _Numbered(numbers, np.searchsorted(numbers, of_object), np.searchsorted(numbers, of_detection))
    present = np.zeros(high - low + 1, np.int64)
    present[every - low] = 1
    ranks = np.cumsum(present) - 1
    return _Numbered(np.flatnonzero(present) + low, ranks[of_object - low], ranks[of_detection - low])


def _spans(starts: Int64[np.ndarray, " images+1"]) -> list[tuple[int, int]]:
    """Ranges of images with about as many detections each: some for every thread, so that none waits long."""
    parts = 4 * torch.get_num_threads()
    bounds = np.searchsorted(starts, np.linspace(0, starts[-1], parts + 1)[1:-1])
    return list(pairwise([0, *bounds.tolist(), len(starts) - 1]))


T = TypeVar("T")
U = TypeVar("U")


def in_threads(function: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """The function of each item; the kernels in it hold no GIL."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(function, items))
