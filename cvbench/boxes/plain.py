"""Suppression in torch alone: the form that the kernels are held against, for any device.

Both take boxes in float32 or float64. `soft_nms` carries gradients to the scores and the boxes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cvbench.boxes.iou import iou


def nms(boxes: Tensor, scores: Tensor, threshold: float, groups: Tensor | None) -> Tensor:
    """As `cvbench.boxes.nms`."""
    order = torch.sort(torch.where(scores.isnan(), -torch.inf, scores), descending=True, stable=True).indices
    order = order[~scores[order].isnan()]
    stays = torch.ones_like(order, dtype=torch.bool)
    for rank in range(len(order)):
        if stays[rank]:
            overlaps = iou(boxes[order[rank]][None], boxes[order])[0].double()
            struck = overlaps > threshold
            if groups is not None:
                struck &= groups[order] == groups[order[rank]]
            stays[rank + 1 :] &= ~struck[rank + 1 :]
    return order[stays]


def soft_nms(
    boxes: Tensor, scores: Tensor, method: str, strength: float, least: float, groups: Tensor | None
) -> tuple[Tensor, Tensor]:
    """As `cvbench.boxes.soft_nms`; `strength` is the method's threshold or sigma."""
    waiting = scores.double()
    picked: list[Tensor] = []
    values: list[Tensor] = []
    while True:
        waiting = torch.where(waiting >= least, waiting, -torch.inf)
        if not len(waiting) or waiting.max() < least:
            break
        best = waiting.argmax()
        picked.append(best)
        values.append(waiting[best])
        overlaps = iou(boxes[best][None], boxes)[0].double()
        if method == "linear":
            decay = torch.where(overlaps > strength, 1 - overlaps, 1.0)
        else:
            decay = torch.exp(-(overlaps * overlaps) / strength)
        if groups is not None:
            decay = torch.where(groups == groups[best], decay, 1.0)
        gone = torch.arange(len(boxes), device=boxes.device) == best
        waiting = torch.where(gone, -torch.inf, waiting * decay)
    if not picked:
        return scores.new_zeros(0, dtype=torch.int64), scores.new_zeros(0)
    return torch.stack(picked), torch.stack(values).to(scores.dtype)
