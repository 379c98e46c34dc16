"""Random scenes and detections of them, with everything in it that evaluations get wrong."""

from typing import NamedTuple

import numpy as np

from cvbench.boxes.masks import Regions, box_regions, encode, mask_regions
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth

LIMITS = np.array([0.0, 1024.0, 9216.0, 1e10])
"""The ends of COCO's area ranges, which belong to both sides."""


class Problem(NamedTuple):
    truth: CocoTruth
    detections: CocoDetections
    classes: int
    size: tuple[int, int] | None
    """Height and width of the images, where regions are masks."""
    max_dets: tuple[int, ...]


def box_problem(seed: int) -> Problem:
    """Boxes on a lattice, so that overlaps tie; scores with one decimal, so that they tie too."""
    draw = np.random.default_rng(seed)
    images, classes, objects, found, max_dets = _sizes(draw)
    place, partner = _places(draw, images, classes, objects, found)
    step = int(draw.choice([1, 8, 40]))

    def boxes(n: int) -> np.ndarray:
        corners = draw.integers(0, 12, (n, 2)) * step
        return np.concatenate([corners, draw.integers(0, 12, (n, 2)) * step], axis=1).astype(float)

    true_boxes, found_boxes = boxes(objects), boxes(found)
    near = np.flatnonzero(partner >= 0)
    jitter = draw.integers(-1, 2, (len(near), 4)) * draw.integers(0, 3, (len(near), 4)) * step / 8
    found_boxes[near] = true_boxes[partner[near]] + jitter
    found_boxes[:, 2:] = np.abs(found_boxes[:, 2:])
    area = true_boxes[:, 2] * true_boxes[:, 3]
    return _problem(
        draw, place, classes, box_regions(true_boxes), box_regions(found_boxes), area, None, max_dets
    )


def mask_problem(seed: int) -> Problem:
    """Rectangles with frayed edges; some masks are empty, some fill the image."""
    draw = np.random.default_rng(seed)
    images, classes, objects, found, max_dets = _sizes(draw)
    objects, found = min(objects, 20), min(found, 60)
    place, partner = _places(draw, images, classes, objects, found)
    height, width = int(draw.integers(1, 30)), int(draw.integers(1, 30))

    def masks(n: int) -> np.ndarray:
        plain = np.zeros((n, height, width), bool)
        for mask in plain:
            y, x = draw.integers(0, height), draw.integers(0, width)
            mask[y : y + draw.integers(0, height + 1), x : x + draw.integers(0, width + 1)] = True
        frayed = draw.random((n, 1, 1)) < 0.5
        return plain & ~(frayed & (draw.random(plain.shape) < 0.1))

    true_masks, found_masks = masks(objects), masks(found)
    near = np.flatnonzero(partner >= 0)
    noise = draw.random((len(near), height, width)) < 0.1 * draw.random((len(near), 1, 1))
    found_masks[near] = true_masks[partner[near]] ^ noise
    area = true_masks.sum((1, 2)) * draw.choice([1.0, 10.0, 100.0], objects)
    true, seen = mask_regions(encode(true_masks)), mask_regions(encode(found_masks))
    return _problem(draw, place, classes, true, seen, area, (height, width), max_dets)


class _Places(NamedTuple):
    image: np.ndarray
    label: np.ndarray
    found_image: np.ndarray
    found_label: np.ndarray


def _sizes(draw: np.random.Generator) -> tuple[int, int, int, int, tuple[int, ...]]:
    return (
        int(draw.integers(1, 5)),
        int(draw.integers(1, 4)),
        int(draw.choice([0, 1, 4, 15, 30])),
        int(draw.choice([0, 1, 8, 40, 150])),
        ((1, 10, 100), (1, 10, 100), (1, 2, 3), (5, 20, 30), (100, 200, 300))[draw.integers(5)],
    )


def _places(
    draw: np.random.Generator, images: int, classes: int, objects: int, found: int
) -> tuple[_Places, np.ndarray]:
    """Image and class of everything, and for most detections an object near which they lie (else -1)."""
    numbers = draw.choice(10**6, images, replace=False)  # in any order, with gaps
    image, label = draw.choice(numbers, objects), draw.integers(0, classes, objects)
    found_image, found_label = draw.choice(numbers, found), draw.integers(0, classes, found)
    partner = np.where(draw.random(found) < 0.7, draw.integers(0, objects, found), -1) if objects else None
    partner = np.full(found, -1) if partner is None else partner
    near = partner >= 0
    found_image[near] = image[partner[near]]
    same = near & (draw.random(found) < 0.9)
    found_label[same] = label[partner[same]]
    return _Places(image, label, found_image, found_label), partner


def _problem(
    draw: np.random.Generator,
    place: _Places,
    classes: int,
    true: Regions,
    found: Regions,
    area: np.ndarray,
    size: tuple[int, int] | None,
    max_dets: tuple[int, ...],
) -> Problem:
    n = len(area)
    area = np.where(draw.random(n) < 0.2, draw.choice(LIMITS, n), area * draw.choice([1.0, 0.5, 0.7], n))
    first_id = int(draw.integers(0, 2))  # an id of 0 is one that the reference takes for nobody's
    truth = CocoTruth(
        image=place.image,
        label=place.label,
        regions=true,
        area=area.astype(float),
        crowd=draw.random(n) < 0.15,
        id=draw.permutation(n) + first_id,
    )
    score = np.round(draw.normal(0, 1, len(place.found_label)), int(draw.choice([0, 1, 6])))
    detections = CocoDetections(place.found_image, place.found_label, found, score)
    # One more class than there is: it has no object.
    return Problem(truth, detections, classes + int(draw.integers(0, 2)), size, max_dets)
