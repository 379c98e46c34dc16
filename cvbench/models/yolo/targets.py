"""Assigns objects to predictors, by the rules since YOLOv2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cvbench.boxes import iou, iou_of_pairs, iou_of_shapes, xyxy_to_cxcywh
from cvbench.models.detection import BatchObjects, objects_to_learn, one_each
from cvbench.models.yolo.grid import Grid, predicted_boxes
from cvbench.values import Detections

Whose: TypeAlias = Literal["prior", "prediction"]
"""Whose IoU with an object excludes a predictor without an object from the objectness loss.

`prior`: the IoU of its prior, centered in its cell. `prediction`: the IoU of its predicted box.
"""
Owners: TypeAlias = Literal["one", "each layer"]
"""Predictors that learn an object: the best one of all priors, or the best one of each layer."""


class AssignmentRules(NamedTuple):
    """Rules that differ between the papers and darknet."""

    ignore: Whose
    above: float
    """A predictor is excluded if the IoU is above this."""
    owners: Owners = "one"


class Targets(NamedTuple):
    """Training targets of a batch: p predictors learn an object, the other counted ones learn background."""

    image: Int64[Tensor, " p"]
    predictor: Int64[Tensor, " p"]
    boxes: Float[Tensor, "p 4"]
    """The object's box, clipped to the input."""
    offset: Float[Tensor, "p 2"]
    """The object's center in its cell, 0 … 1: the targets of the sigmoids of tx and ty."""
    scale: Float[Tensor, "p 2"]
    """Logarithm of the object's sides divided by the prior's: the targets of tw and th."""
    weight: Float[Tensor, " p"]
    """Weight of the box terms: 2 - w h, with sides relative to the input."""
    label: Int64[Tensor, " p"]
    counted: Bool[Tensor, "b n"]
    """Predictors whose objectness contributes to the loss."""
    shadowed: Int64[Tensor, ""]
    """Number of objects that lost their predictor to a later one, and are not learned."""


@torch.no_grad()
def assign_targets(
    raw: Float[Tensor, "b n channels"], grid: Grid, truths: Sequence[Detections], *, rules: AssignmentRules
) -> Targets:
    """Assigns each object to the predictor with the best prior by shape, in the cell of its center.

    With the rule `each layer`, it is assigned to one predictor of every layer. `objects_to_learn` selects
    the objects. If two objects share a predictor, the later one in the ground truth is learned.
    """
    objects = objects_to_learn(truths, height=grid.height, width=grid.width, device=grid.corner.device)
    counted = ~_ignored(raw, grid, objects, rules=rules)
    layers, slots, _ = grid.priors.shape
    fits = iou_of_shapes(xyxy_to_cxcywh(objects.boxes)[:, 2:], grid.priors.flatten(0, 1))
    if rules.owners == "one":
        best = fits.argmax(dim=1)
    else:
        first = torch.arange(layers, device=fits.device) * slots
        best = (fits.reshape(-1, layers, slots).argmax(dim=2) + first).flatten()
        objects = BatchObjects(*(values.repeat_interleave(layers, dim=0) for values in objects))
    box = xyxy_to_cxcywh(objects.boxes)
    center, side = box[:, :2], box[:, 2:]
    predictor = grid.predictor(best, center)
    holds = one_each(objects.image * len(grid.prior) + predictor, places=counted.numel(), keep="last")
    image, predictor, center, side = objects.image[holds], predictor[holds], center[holds], side[holds]
    counted[image, predictor] = True
    return Targets(
        image=image,
        predictor=predictor,
        boxes=objects.boxes[holds],
        offset=(center - grid.corner[predictor]) / grid.stride[predictor],
        scale=(side / grid.prior[predictor]).log(),
        weight=2 - side.prod(dim=1) / (grid.height * grid.width),
        label=objects.label[holds],
        counted=counted,
        shadowed=(~holds).sum(),
    )


def _ignored(
    raw: Float[Tensor, "b n channels"], grid: Grid, objects: BatchObjects, *, rules: AssignmentRules
) -> Bool[Tensor, "b n"]:
    """Predictors whose IoU with an object of their image is too high to learn background."""
    if rules.ignore == "prior":
        overlaps = iou(objects.boxes, grid.boxes)  # m n
    else:
        objects_there, n = len(objects.boxes), len(grid.prior)
        predictor = torch.arange(n, device=raw.device).repeat(objects_there)
        boxes = predicted_boxes(raw[objects.image, :, :4].flatten(0, 1), grid, predictor)
        overlaps = iou_of_pairs(objects.boxes.repeat_interleave(n, dim=0), boxes)
        overlaps = overlaps.reshape(objects_there, n)
    close = (overlaps > rules.above).float()
    return close.new_zeros(raw.shape[:2]).index_add_(0, objects.image, close) > 0
