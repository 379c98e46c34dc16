"""Which predictor learns which object, and which are excused: the rules since YOLOv2."""

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
"""Whose overlap with an object excuses a predictor without one from the objectness loss.

`prior`: that of its prior, centred in its cell. `prediction`: that of the box it predicts just now.
"""
Owners: TypeAlias = Literal["one", "each layer"]
"""Who learns an object: the best of all priors, or the best of each layer's."""


class AssignmentRules(NamedTuple):
    """What the papers and the programs do differently."""

    ignore: Whose
    above: float
    """… by more than this IoU."""
    owners: Owners = "one"


class Targets(NamedTuple):
    """What a batch's predictors learn: p of them an object each, the counted rest that there is none."""

    image: Int64[Tensor, " p"]
    predictor: Int64[Tensor, " p"]
    boxes: Float[Tensor, "p 4"]
    """The object's box, cut at the border."""
    offset: Float[Tensor, "p 2"]
    """The object's centre in its cell, 0 … 1: what the sigmoids of tx and ty should give."""
    scale: Float[Tensor, "p 2"]
    """Logarithm of the object's sides over the prior's: tw and th."""
    weight: Float[Tensor, " p"]
    """2 - w h, the sides as shares of the input: what the box terms are multiplied by."""
    label: Int64[Tensor, " p"]
    counted: Bool[Tensor, "b n"]
    """Predictors whose objectness is in the loss."""
    shadowed: Int64[Tensor, ""]
    """How many objects lost their predictor to a later one."""


@torch.no_grad()
def assign_targets(
    raw: Float[Tensor, "b n channels"], grid: Grid, truths: Sequence[Detections], *, rules: AssignmentRules
) -> Targets:
    """Each object to one predictor: the best of all priors by shape, in the cell of its centre.

    By the rule `each layer` it goes to one of every layer. What is no object to learn says
    `objects_to_learn`. Where two objects meet at one predictor, the later one in the truth is learnt.
    """
    objects = objects_to_learn(truths, height=grid.height, width=grid.width, device=grid.corner.device)
    counted = ~_excused(raw, grid, objects, rules=rules)
    layers, slots, _ = grid.priors.shape
    fits = iou_of_shapes(xyxy_to_cxcywh(objects.boxes)[:, 2:], grid.priors.flatten(0, 1))
    if rules.owners == "one":
        best = fits.argmax(dim=1)
    else:
        first = torch.arange(layers, device=fits.device) * slots
        best = (fits.reshape(-1, layers, slots).argmax(dim=2) + first).flatten()
        objects = BatchObjects(*(values.repeat_interleave(layers, dim=0) for values in objects))
    box = xyxy_to_cxcywh(objects.boxes)
    centre, side = box[:, :2], box[:, 2:]
    predictor = grid.predictor(best, centre)
    holds = one_each(objects.image * len(grid.prior) + predictor, places=counted.numel(), keep="last")
    image, predictor, centre, side = objects.image[holds], predictor[holds], centre[holds], side[holds]
    counted[image, predictor] = True
    return Targets(
        image=image,
        predictor=predictor,
        boxes=objects.boxes[holds],
        offset=(centre - grid.corner[predictor]) / grid.stride[predictor],
        scale=(side / grid.prior[predictor]).log(),
        weight=2 - side.prod(dim=1) / (grid.height * grid.width),
        label=objects.label[holds],
        counted=counted,
        shadowed=(~holds).sum(),
    )


def _excused(
    raw: Float[Tensor, "b n channels"], grid: Grid, objects: BatchObjects, *, rules: AssignmentRules
) -> Bool[Tensor, "b n"]:
    """Predictors that overlap an object of their image too much to be told that there is none."""
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
