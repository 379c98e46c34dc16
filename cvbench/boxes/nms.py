"""Non-maximum suppression: of boxes that overlap, the best one stays.

What holds for both forms:

- Greedy, in score order; among equal scores the box that comes first in the input goes first.
- A box suppresses another if their IoU is strictly greater than the threshold; the quotient is
  rounded to the boxes' type and compared with the threshold as a double, as torchvision does on the CPU.
- Boxes of different `groups` never meet. One call serves every class (`groups=labels`) and a whole
  batch of images (`groups=image * classes + labels`).
- A box without area or with a NaN coordinate overlaps nothing, so it stays. A NaN score ranks
  nowhere, so its box never stays.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cvbench.boxes.iou import iou


class SoftKept(NamedTuple):
    """What soft-NMS keeps: indices into its input, best first, and the scores it lowered."""

    indices: Int64[Tensor, " k"]
    scores: Float[Tensor, " k"]


def nms(
    boxes: Float[Tensor, "n 4"],
    scores: Float[Tensor, " n"],
    threshold: float,
    *,
    groups: Int64[Tensor, " n"] | None = None,
) -> Int64[Tensor, " k"]:
    """Indices of the boxes that greedy suppression keeps, in score order.

    >>> boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0], [9.0, 9.0, 10.0, 10.0]])
    >>> nms(boxes, torch.tensor([0.8, 0.9, 0.7]), 0.5)
    tensor([1, 2])
    """
    order = _ranked(scores)
    ranked = boxes[order]
    stays = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    for place in range(len(order)):
        if not stays[place]:
            continue
        overlaps = iou(ranked[place : place + 1], ranked[place + 1 :])[0].double() > threshold
        if groups is not None:
            overlaps &= groups[order[place + 1 :]] == groups[order[place]]
        stays[place + 1 :] &= ~overlaps
    return order[stays]


def soft_nms(
    boxes: Float[Tensor, "n 4"],
    scores: Float[Tensor, " n"],
    *,
    method: Literal["linear", "gaussian"] = "linear",
    threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    groups: Int64[Tensor, " n"] | None = None,
) -> SoftKept:
    """Suppression that lowers scores instead of dropping boxes, in order of the lowered scores.

    Each box that is picked multiplies the scores of those still waiting: by 1 - IoU where the IoU is
    above `threshold` (linear), or by exp(-IoU² / sigma) everywhere (gaussian). What then lies below
    `score_threshold` is dropped. Scores are lowered in float64 and returned in their own type.

    Source: Bodla et al. 2017, https://arxiv.org/abs/1704.04503, equations 2 and 3.

    >>> boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0]])
    >>> soft_nms(boxes, torch.tensor([0.8, 0.9]))
    SoftKept(indices=tensor([1, 0]), scores=tensor([0.9000, 0.1600]))
    """
    waiting = torch.where(scores >= score_threshold, scores.double(), -torch.inf)
    picked: list[Tensor] = []
    values: list[Tensor] = []
    while len(waiting):
        best = waiting.argmax()
        value = waiting[best].clone()
        if not value >= score_threshold:
            break
        picked.append(best)
        values.append(value)
        overlaps = iou(boxes[best][None], boxes)[0].double()
        if method == "linear":
            decay = torch.where(overlaps > threshold, 1 - overlaps, 1.0)
        else:
            decay = torch.exp(-(overlaps * overlaps) / sigma)
        if groups is not None:
            decay = torch.where(groups == groups[best], decay, 1.0)
        waiting = waiting * decay
        waiting[best] = -torch.inf
    if not picked:
        return SoftKept(scores.new_zeros(0, dtype=torch.int64), scores.new_zeros(0))
    return SoftKept(torch.stack(picked), torch.stack(values).to(scores.dtype))


def _ranked(scores: Tensor) -> Tensor:
    """Indices of the scores that are numbers, highest first, equal ones in input order."""
    order = torch.sort(torch.where(scores.isnan(), -torch.inf, scores), descending=True, stable=True).indices
    return order[~scores[order].isnan()]
