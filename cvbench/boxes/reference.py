"""Suppression, matching and assignment in pure torch, for any device: the reference for the kernels.

Boxes are float32 or float64. `soft_nms` is differentiable with respect to scores and boxes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cvbench.boxes.overlap import iou


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


def match_coco(overlaps: Tensor, thresholds: Tensor, crowd: Tensor, ignored: Tensor) -> Tensor:
    """Matched truths of `cvbench.boxes.match_coco`, `[b a t d]` from overlaps `[b d g]`; -1 is unmatched."""
    pairs, detections, _ = overlaps.shape
    partner = torch.full((pairs, ignored.shape[1], len(thresholds), detections), -1)
    for p, r in torch.cartesian_prod(torch.arange(pairs), torch.arange(ignored.shape[1])).tolist():
        # Ignored truths last, each kind in input order: in a tie the later one wins.
        order = torch.sort(ignored[p, r].to(torch.uint8), stable=True).indices.tolist()
        for t, threshold in enumerate(thresholds.tolist()):
            taken: set[int] = set()
            for d, row in enumerate(overlaps[p].tolist()):
                least, best = threshold, -1
                for g in order:
                    if g in taken and not crowd[p, g]:
                        continue
                    if best >= 0 and ignored[p, r, g] and not ignored[p, r, best]:
                        break
                    if row[g] >= least:
                        least, best = row[g], g
                if best >= 0:
                    taken.add(best)
                    partner[p, r, t, d] = best
    return partner.to(overlaps.device)


def assign(
    overlaps: Tensor,
    positive: float,
    negative: float,
    low_quality: bool,  # noqa: FBT001, operators take positional arguments
) -> tuple[Tensor, Tensor, Tensor]:
    """As `cvbench.boxes.assign`, for non-empty overlaps `[b n m]`."""
    best, truth = overlaps.max(dim=-1)
    is_positive = best >= positive
    if low_quality:
        is_positive |= ((overlaps == overlaps.amax(dim=-2, keepdim=True)) & (overlaps > 0)).any(dim=-1)
    return truth, is_positive, ~is_positive & (best < negative)
