"""Synthetic detectors and segmenters with known metrics, and their metrics on finite test sets.

A detector is run once over a population of images. Its metric there is the truth; test sets are disjoint
subsets of that population.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cvbench.boxes.masks import box_regions
from cvbench.metrics.coco.accumulate import ClassDetections
from cvbench.metrics.coco.evaluation import DatasetMatches, match_coco
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.coco.summary import resampled_figures, values
from cvbench.metrics.voc.evaluation import (
    MATLAB_2012,
    VocDetections,
    VocLine,
    VocTruth,
    average_precision,
    curve,
    match_voc,
)
from cvbench.statistics.bootstrap import bayesian_weights

POPULATION = 16_000


class Outcome(NamedTuple):
    """One test set: true value, measured value, and values under resampled weights."""

    images: int
    truth: float
    value: float
    resampled: np.ndarray


class Population(NamedTuple):
    truth: CocoTruth
    detections: CocoDetections
    classes: int


def detector(draw: np.random.Generator, images: int = POPULATION) -> Population:
    """A random detector on separate objects, where the IoU of a box shifted by s is (1 - s) / (1 + s).

    Recall, box accuracy, scores, duplicates and false positives differ between detectors and depend on
    the difficulty of each image.
    """
    classes = int(draw.choice([1, 3, 8]))
    share = 1 / np.arange(1, classes + 1)
    share /= share.sum()
    hard = draw.normal(0, draw.uniform(0, 1), images)
    many = draw.poisson(draw.uniform(1, 4), images)
    image = np.repeat(np.arange(images), many)
    n = len(image)
    slot = np.arange(n) - np.repeat(np.cumsum(many) - many, many)
    label = draw.choice(classes, n, p=share)
    side = draw.choice([20.0, 60.0, 150.0], n)
    boxes = np.stack([200.0 * slot, np.zeros(n), side, side], axis=1)
    ease = draw.uniform(-0.5, 3) - hard[image]
    found = np.flatnonzero(draw.random(n) < 1 / (1 + np.exp(-ease)))
    again = found[draw.random(len(found)) < draw.uniform(0, 0.3)]
    mine = np.concatenate([found, again])
    shift = draw.gamma(2, draw.uniform(0.02, 0.15), len(mine)) * np.exp(0.3 * hard[image[mine]])
    near = boxes[mine] + np.stack([side[mine] * shift, *np.zeros((3, len(mine)))], axis=1)
    apart = draw.uniform(0.5, 3)
    right = np.where(draw.random(len(mine)) < draw.uniform(0.8, 1), label[mine], draw.integers(0, classes))
    stray = draw.poisson(np.exp(draw.uniform(-1, 1.2) + 0.5 * hard))
    away = np.tile([0.0, 5000.0, 60.0, 60.0], (stray.sum(), 1))
    seen = np.concatenate([image[mine], np.repeat(np.arange(images), stray)])
    score = np.concatenate([draw.normal(apart - 2 * shift, 1), draw.normal(0, 1, stray.sum())])
    return Population(
        CocoTruth(image, label, box_regions(boxes), side * side, np.zeros(n, np.bool_)),
        CocoDetections(
            seen,
            np.concatenate([right, draw.choice(classes, stray.sum(), p=share)]),
            box_regions(np.concatenate([near, away])),
            score,
        ),
        classes,
    )


def coco_outcomes(
    population: Population, sets: list[np.ndarray], resamples: int, names: tuple[str, ...]
) -> Iterator[dict[str, Outcome]]:
    """The metrics of each test set, given as indices into the population."""
    matches = match_coco(population.truth, population.detections, classes=population.classes)
    true = values(matches.evaluate())
    for seed, images in enumerate(sets):
        sample = _of_images(matches, images)
        plain = values(sample.evaluate())
        varied = resampled_figures(sample, bayesian_weights(len(images), resamples, seed=seed, at_once=64))
        yield {
            name: Outcome(len(images), true[name], plain[name], varied[name])
            for name in names
            if plain[name] is not None
        }


def _of_images(matches: DatasetMatches, images: np.ndarray) -> DatasetMatches:
    """The matches of a subset of the images; the population's images are numbered from 0 without gaps."""
    place = np.full(POPULATION, -1)
    place[images] = np.arange(len(images))
    of = place[matches.numbers]
    return DatasetMatches([_shorter(line, of) for line in matches.lines], images, matches.max_dets)


def _shorter(line: ClassDetections, place: np.ndarray) -> ClassDetections:
    hits = place[line.hit_image] >= 0
    misses = place[line.miss_image] >= 0
    objects = place[line.object_image] >= 0
    # Each miss precedes a hit; it then precedes the next remaining hit.
    before = np.repeat(np.arange(len(line.miss_starts)), np.diff(line.miss_starts, append=len(misses)))
    left = np.concatenate([[0], np.cumsum(hits)])[before[misses]]
    counting = left < hits.sum()
    starts = np.searchsorted(left[counting], np.arange(hits.sum() + 1))
    own = {name: getattr(line, name)[hits] for name in ClassDetections._fields if name.startswith("hit_")}
    others = {
        name: getattr(line, name)[misses][counting] for name in ("miss_image", "miss_level", "miss_inside")
    }
    own["hit_image"], others["miss_image"] = place[own["hit_image"]], place[others["miss_image"]]
    return ClassDetections(
        **own,
        **others,
        miss_starts=starts,
        object_image=place[line.object_image[objects]],
        object_passed_over=line.object_passed_over[objects],
        top=line.top,
    )


def voc_outcomes(population: Population, sets: list[np.ndarray], resamples: int) -> Iterator[Outcome]:
    """The mean average precision of VOC 2012 of each test set."""
    true, seen = population.truth, population.detections
    lines = match_voc(
        VocTruth(true.image, true.label, _corners(true.regions.xywh), np.zeros(len(true.label), np.bool_)),
        VocDetections(seen.image, seen.label, _corners(seen.regions.xywh), seen.score),
        classes=population.classes,
    )
    whole = _mean_ap(lines, np.ones((1, POPULATION)))
    for seed, images in enumerate(sets):
        place = np.full(POPULATION, -1)
        place[images] = np.arange(len(images))
        own = [_short(line, place) for line in lines]
        own = [line for line in own if len(line.object_image)]
        plain = _mean_ap(own, np.ones((1, len(images))))
        batches = bayesian_weights(len(images), resamples, seed=seed)
        varied = np.concatenate([_mean_ap(own, some) for some in batches])
        yield Outcome(len(images), float(whole[0]), float(plain[0]), varied)


def _corners(xywh: np.ndarray) -> np.ndarray:
    return np.concatenate([xywh[:, :2] + 1, xywh[:, :2] + xywh[:, 2:]], axis=1)


def _short(line: VocLine, place: np.ndarray) -> VocLine:
    here = place[line.image] >= 0
    objects = line.object_image[place[line.object_image] >= 0]
    return VocLine(place[line.image[here]], line.score[here], line.true[here], place[objects])


def _mean_ap(lines: list[VocLine], weights: np.ndarray) -> np.ndarray:
    return np.mean([average_precision(curve(line, weights), MATLAB_2012) for line in lines], axis=0)


def miou_outcomes(draw: np.random.Generator, sets: list[np.ndarray], resamples: int) -> Iterator[Outcome]:
    """The mean IoU of each test set of a segmenter; a class is in some images, and large in few."""
    classes = int(draw.choice([3, 8, 20]))
    there = draw.random((POPULATION, classes)) < draw.uniform(0.1, 0.6, classes)
    true = np.round(there * draw.lognormal(7, 1, there.shape))
    hard = draw.normal(0, draw.uniform(0, 1), (POPULATION, 1))
    rate = 1 / (1 + np.exp(hard - draw.normal(1, 1, classes) - draw.normal(0, 0.5, there.shape)))
    hits = np.round(true * rate)
    elsewhere = draw.dirichlet(np.ones(classes), POPULATION)
    predicted = hits + np.round(elsewhere * (true - hits).sum(axis=1, keepdims=True))
    pixels = np.concatenate([hits, predicted, true], axis=1)
    whole = _mean_iou(np.ones((1, POPULATION)) @ pixels)
    for seed, images in enumerate(sets):
        own = pixels[images]
        plain = _mean_iou(np.ones((1, len(images))) @ own)
        batches = bayesian_weights(len(images), resamples, seed=seed)
        varied = np.concatenate([_mean_iou(some @ own) for some in batches])
        yield Outcome(len(images), float(whole[0]), float(plain[0]), varied)


def _mean_iou(sums: np.ndarray) -> np.ndarray:
    hits, predicted, true = np.split(sums, 3, axis=1)
    known = (predicted + true)[0] > 0
    return (hits[:, known] / (predicted + true - hits)[:, known]).mean(axis=1)
