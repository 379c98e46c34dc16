"""Random scenes with the numbers of images, objects, classes and detections of val2017."""

from typing import NamedTuple

import numpy as np

from cvbench.boxes.masks import box_regions
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth

HEIGHT, WIDTH = 480, 640


class Scene(NamedTuple):
    truth: CocoTruth
    detections: CocoDetections
    numbers: np.ndarray
    """Numbers of all images."""
    classes: int


def boxes_at_size(
    images: int = 5000, found: int = 100, classes: int = 80, objects: int = 37_000, seed: int = 0
) -> Scene:
    """Random boxes. A third of the detections are near an object; class frequencies are as in COCO, sizes are
    log-normal, and 1 % of the objects are crowds."""
    draw = np.random.default_rng(seed)
    numbers = np.sort(draw.choice(581_929, images, replace=False)).astype(np.int64)
    share = 1 / np.arange(1, classes + 1) ** 0.8
    share /= share.sum()
    image = np.sort(draw.integers(0, images, objects))
    label = draw.choice(classes, objects, p=share)
    size = np.exp(draw.normal(4, 1, (objects, 2))).clip(2, 470)
    boxes = np.concatenate([draw.random((objects, 2)) * ([WIDTH, HEIGHT] - size), size], axis=1).round(2)
    truth = CocoTruth(
        image=numbers[image],
        label=label,
        regions=box_regions(boxes),
        area=(0.6 * boxes[:, 2] * boxes[:, 3]).round(2),
        crowd=draw.random(objects) < 0.01,
        id=np.arange(1, objects + 1),
    )
    first = np.searchsorted(image, np.arange(images))
    there = np.bincount(image, minlength=images)
    seen = np.repeat(np.arange(images), found)
    n = len(seen)
    partner = np.minimum(first[seen] + (draw.random(n) * there[seen]).astype(np.int64), objects - 1)
    near = (there[seen] > 0) & (draw.random(n) < 0.35)
    moved = boxes[partner]
    moved[:, :2] += moved[:, 2:] * draw.normal(0, 0.05, (n, 2))
    moved[:, 2:] *= np.exp(draw.normal(0, 0.1, (n, 2)))
    away = np.concatenate(
        [draw.random((n, 2)) * [600, 440], np.exp(draw.normal(4, 1, (n, 2))).clip(2, 470)], axis=1
    )
    same = draw.random(n) < np.where(near, 0.96, 0.6)
    detections = CocoDetections(
        image=numbers[seen],
        label=np.where(same & (there[seen] > 0), label[partner], draw.choice(classes, n, p=share)),
        regions=box_regions(np.where(near[:, None], moved, away).round(2)),
        score=np.where(near, draw.beta(2, 2, n), draw.beta(1, 6, n)).round(5),
    )
    return Scene(truth, detections, numbers, classes)
