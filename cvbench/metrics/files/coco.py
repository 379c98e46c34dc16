"""A results file and an instances file, joined: arrays that the metrics take, or all that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64

from cvbench.boxes.masks import RunLengths
from cvbench.data.annotations.coco import CocoInstances, read_coco_instances
from cvbench.data.annotations.coco_masks import Segmentation
from cvbench.data.annotations.problems import Mistakes
from cvbench.data.annotations.soundness import Side
from cvbench.metrics.coco.arrays import CocoDetections, CocoTruth, Regions, box_regions, mask_regions
from cvbench.metrics.files.coco_masks import read_masks
from cvbench.metrics.files.coco_results import read_coco_results


@dataclass(frozen=True, eq=False)
class CocoFiles:
    """Detections and objects of one data set; images count from 0 in the order of their ids."""

    truth: CocoTruth
    detections: CocoDetections
    classes: tuple[str, ...]
    images: int
    difficult: Bool[np.ndarray, " objects"]
    """Objects that VOC's files call so; COCO has no such thing, and counts them like others."""


def read_coco(predictions: Path, truth: Path, *, masks: bool) -> CocoFiles:
    """Both files; raises InputError, with everything that is wrong with either.

    Where detections come as masks only, and boxes are scored, the boxes are those around the masks.
    """
    mistakes = Mistakes()
    instances = read_coco_instances(truth, mistakes, masks=masks)
    results = read_coco_results(predictions, mistakes, masks=masks)
    objects = Side(truth, "annotations", instances.place, mistakes)
    found = Side(predictions, "", results.place, mistakes)
    of_object = objects.placed("image_id", instances.of_image, instances.image_id)
    label = objects.placed("category_id", instances.of_category, instances.category_id)
    of_detection = found.placed("image_id", results.image_id, instances.image_id)
    found_label = found.placed("category_id", results.category_id, instances.category_id)
    objects.check_finite("area", instances.area)
    objects.check_not_negative("area", instances.area)
    objects.check_boxes(instances.xywh)
    found.check_finite("score", results.score)
    found.check_boxes(results.xywh)
    if results.segmentation is not None or instances.segmentation is not None:
        _check_sizes(truth, instances, mistakes)
    true_masks = _masks(instances.segmentation, of_object, instances, objects)
    found_masks = _masks(results.segmentation, of_detection, instances, found)
    mistakes.stop()
    truth_arrays = CocoTruth(
        of_object,
        label,
        _regions(instances.xywh, true_masks, masks=masks),
        instances.area,
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
    )


def _masks(
    segmentation: Sequence[Segmentation] | None,
    image: Int64[np.ndarray, " n"],
    instances: CocoInstances,
    side: Side,
) -> RunLengths | None:
    """The masks of one side. Those in images that are not there, or have no size, are left out."""
    if segmentation is None:
        return None
    height, width = (np.append(sizes, 0)[image] for sizes in (instances.height, instances.width))
    return read_masks(segmentation, height, width, side)


def _regions(xywh: Float64[np.ndarray, "n 4"] | None, found: RunLengths | None, *, masks: bool) -> Regions:
    """Masks if they are asked for, else boxes: around the masks, where there are no others."""
    if found is None or (xywh is not None and not masks):
        assert xywh is not None
        return box_regions(xywh)
    regions = mask_regions(found)
    return regions if masks else box_regions(regions.xywh)


def _size(
    xywh: Float64[np.ndarray, "n 4"] | None, found: RunLengths | None
) -> Float64[np.ndarray, " n"] | None:
    """What counts as a detection's size, where that is not plainly what is compared."""
    if found is None:
        return None
    return mask_regions(found).area if xywh is None else box_regions(xywh).area


def _check_sizes(path: Path, instances: CocoInstances, mistakes: Mistakes) -> None:
    height, width = instances.height, instances.width
    mistakes.add_where(
        path,
        "an image without a height and a width, which masks need",
        (height <= 0) | (width <= 0),
        lambda i: f"id {instances.image_id[i]}: {height[i]} x {width[i]}",
    )
    mistakes.add_where(
        path,
        "an image of more pixels than run lengths can count",
        (height > _SIDE) | (width > _SIDE),
        lambda i: f"id {instances.image_id[i]}: {height[i]} x {width[i]}",
    )


_SIDE = 1 << 15
"""Pixels along one side, so that the number of all fits 32 bits."""
