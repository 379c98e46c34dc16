"""Which predictor learns which object, and which are excused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cvbench.boxes import clip, iou, iou_of_pairs, iou_of_shapes, xyxy_to_cxcywh
from cvbench.models.yolo_v3.grid import Grid, predicted_boxes
from cvbench.values import Detections

Ignore: TypeAlias = Literal["prior", "prediction"]
"""Whose overlap with an object excuses a predictor without one from the objectness loss.

`prior`: its prior, centred in its cell, overlaps an object by more than 0.5: the paper.
`prediction`: the box that it predicts just now overlaps an object by more than 0.7: darknet.
"""
_IGNORED_ABOVE: dict[Ignore, float] = {"prior": 0.5, "prediction": 0.7}


class Targets(NamedTuple):
    """What a batch's predictors learn: p of them an object each, the counted rest that there is none."""

    image: Int64[Tensor, " p"]
    predictor: Int64[Tensor, " p"]
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


class _Objects(NamedTuple):
    """The objects of a batch that are to be learnt."""

    image: Int64[Tensor, " m"]
    boxes: Float[Tensor, "m 4"]
    label: Int64[Tensor, " m"]


@torch.no_grad()
def assign_targets(
    raw: Float[Tensor, "b n channels"], grid: Grid, truths: Sequence[Detections], *, ignore: Ignore
) -> Targets:
    """Each object to one predictor: the best of all priors by shape, in the cell of its centre.

    An object is what of it lies in the input. One without area, a crowd and a difficult one are
    not learnt. Where two objects meet at one predictor, the later one in the truth is learnt.
    """
    objects = _objects(truths, grid)
    counted = ~_excused(raw, grid, objects, ignore=ignore)
    box = xyxy_to_cxcywh(objects.boxes)
    centre, side = box[:, :2], box[:, 2:]
    best = iou_of_shapes(side, grid.priors.flatten(0, 1)).argmax(dim=1)
    predictor = grid.predictor(best, centre)

    rank = torch.arange(len(predictor), device=raw.device)
    place = objects.image * len(grid.prior) + predictor
    last = torch.full((counted.numel(),), -1, device=raw.device).scatter_reduce_(0, place, rank, "amax")
    holds = last[place] == rank
    image, predictor, centre, side = objects.image[holds], predictor[holds], centre[holds], side[holds]
    counted[image, predictor] = True
    return Targets(
        image=image,
        predictor=predictor,
        offset=(centre - grid.corner[predictor]) / grid.stride[predictor],
        scale=(side / grid.prior[predictor]).log(),
        weight=2 - side.prod(dim=1) / (grid.height * grid.width),
        label=objects.label[holds],
        counted=counted,
        shadowed=(~holds).sum(),
    )


def _objects(truths: Sequence[Detections], grid: Grid) -> _Objects:
    """The learnable objects of the batch, cut at the border, on the grid's device."""
    device = grid.corner.device
    image = torch.arange(len(truths)).repeat_interleave(torch.tensor([len(truth) for truth in truths]))
    boxes = torch.cat([truth.boxes for truth in truths]).float()
    boxes = clip(boxes, height=grid.height, width=grid.width)
    learnt = torch.cat([_learnable(truth) for truth in truths]) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    label = torch.cat([truth.labels for truth in truths])
    # Chosen where the truths are, which is the CPU while training: a GPU would have to be waited for.
    image = image.to(boxes.device)
    return _Objects(image[learnt].to(device), boxes[learnt].to(device), label[learnt].to(device))


def _learnable(truth: Detections) -> Bool[Tensor, " m"]:
    """Which objects are neither a crowd nor difficult."""
    learnt = torch.ones_like(truth.labels, dtype=torch.bool)
    for mark in (truth.crowd, truth.difficult):
        if mark is not None:
            learnt &= ~mark
    return learnt


def _excused(
    raw: Float[Tensor, "b n channels"], grid: Grid, objects: _Objects, *, ignore: Ignore
) -> Bool[Tensor, "b n"]:
    """Predictors that overlap an object of their image too much to be told that there is none."""
    if ignore == "prior":
        overlaps = iou(objects.boxes, grid.boxes)  # m n
    else:
        objects_there, n = len(objects.boxes), len(grid.prior)
        predictor = torch.arange(n, device=raw.device).repeat(objects_there)
        boxes = predicted_boxes(raw[objects.image, :, :4].flatten(0, 1), grid, predictor)
        overlaps = iou_of_pairs(objects.boxes.repeat_interleave(n, dim=0), boxes)
        overlaps = overlaps.reshape(objects_there, n)
    close = (overlaps > _IGNORED_ABOVE[ignore]).float()
    return close.new_zeros(raw.shape[:2]).index_add_(0, objects.image, close) > 0
