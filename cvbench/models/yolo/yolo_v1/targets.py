"""Which box of which cell learns which object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cvbench.boxes import iou_of_pairs, xyxy_to_cxcywh
from cvbench.models.detection import objects_to_learn, one_each
from cvbench.models.yolo.yolo_v1.output import Output, predicted_boxes
from cvbench.values import Detections


class Targets(NamedTuple):
    """What a batch's cells learn: p of them an object each, the rest that there is none."""

    image: Int64[Tensor, " p"]
    cell: Int64[Tensor, " p"]
    box: Int64[Tensor, " p"]
    """Which of the cell's boxes is responsible."""
    wanted: Float[Tensor, "p 4"]
    """What its four numbers should be."""
    overlap: Float[Tensor, " p"]
    """What its confidence should be: the IoU that it has just now."""
    label: Int64[Tensor, " p"]
    shadowed: Int64[Tensor, ""]
    """How many objects found their cell taken by an earlier one."""


@torch.no_grad()
def assign_targets(
    output: Output, truths: Sequence[Detections], *, grid: int, height: int, width: int
) -> Targets:
    """Each object to the cell of its centre, there to the box that overlaps it most.

    Where none overlaps it, to the box that is nearest by its four shares of the image. A centre on
    the right or bottom border belongs to the last cell.
    """
    objects = objects_to_learn(truths, height=height, width=width, device=output.boxes.device)
    size = objects.boxes.new_tensor([width, height])
    shares = xyxy_to_cxcywh(objects.boxes) / torch.cat([size, size])  # m 4
    column, row = (shares[:, :2] * grid).long().clamp(max=grid - 1).unbind(1)
    cell = row * grid + column
    holds = one_each(objects.image * grid**2 + cell, places=len(truths) * grid**2, keep="first")
    image, cell, shares = objects.image[holds], cell[holds], shares[holds]

    raw = output.boxes[image, cell]  # p boxes 4
    several = raw.shape[1]
    of_each = cell.repeat_interleave(several)
    boxes = predicted_boxes(raw.flatten(0, 1), of_each, grid=grid, height=height, width=width)
    overlaps = iou_of_pairs(boxes, objects.boxes[holds].to(boxes).repeat_interleave(several, dim=0))
    overlaps = overlaps.reshape(-1, several)
    predicted = xyxy_to_cxcywh(boxes) / torch.cat([size, size])
    distance = (predicted.reshape(-1, several, 4) - shares[:, None]).square().sum(dim=2)
    nearest, most = distance.argmin(dim=1), overlaps.argmax(dim=1)
    box = torch.where(overlaps.amax(dim=1) > 0, most, nearest)

    corner = torch.stack([cell % grid, cell // grid], dim=1)
    return Targets(
        image=image,
        cell=cell,
        box=box,
        wanted=torch.cat([shares[:, :2] * grid - corner, shares[:, 2:].sqrt()], dim=1),
        overlap=overlaps.gather(1, box[:, None])[:, 0],
        label=objects.label[holds],
        shadowed=(~holds).sum(),
    )
