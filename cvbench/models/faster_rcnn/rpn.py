"""The first stage (RPN): objectness and box offsets for each anchor, and proposals.

Objectness is one logit per anchor; it equals the difference of the paper's two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from cvbench.boxes import clip, grid_anchors, survives_nms
from cvbench.boxes.formats import wide
from cvbench.models.faster_rcnn.targets import PROPOSAL_WEIGHTS, boxes_of


class Anchors(NamedTuple):
    """The anchor boxes of each cell of each level."""

    sizes: tuple[tuple[float, ...], ...]
    """Square roots of areas in pixels, for each level."""
    ratios: tuple[float, ...]
    """Ratios of height to width, for every level."""

    @property
    def of_a_cell(self) -> int:
        """Number of anchors per cell."""
        return len(self.sizes[0]) * len(self.ratios)


class Limits(NamedTuple):
    """How many proposals are kept per image."""

    ranked: int
    """Per level, before suppression."""
    kept: int
    """Over all levels, after suppression."""


class RpnHead(nn.Module):
    """A 3 x 3 convolution and two 1 x 1 ones, shared by all levels."""

    def __init__(self, channels: int, *, anchors: int, logits: int) -> None:
        super().__init__()
        self.logits = logits
        self.conv = nn.Sequential(
            nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True))
        )
        self.cls_logits = nn.Conv2d(channels, logits * anchors, 1)
        self.bbox_pred = nn.Conv2d(channels, 4 * anchors, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                assert module.bias is not None
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, levels: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """For each level objectness, `b a h w`, and offsets, `b 4a h w`."""
        hidden = [self.conv(level) for level in levels]  # b 256 h w
        logits = [self.cls_logits(x) for x in hidden]
        if self.logits == 2:  # first the logits of background, then those for an object
            logits = [x.chunk(2, dim=1)[1] - x.chunk(2, dim=1)[0] for x in logits]
        return tuple(logits), tuple(self.bbox_pred(x) for x in hidden)


def rows(raw: Float[Tensor, "b _ h w"], *, numbers: int) -> Float[Tensor, "b n numbers"]:
    """A map's values with one row per anchor, ordered by row, column and anchor of the cell."""
    b, _, h, w = raw.shape
    return wide(raw).reshape(b, -1, numbers, h, w).permute(0, 3, 4, 1, 2).flatten(1, 3)


def anchors_on(
    maps: Sequence[Tensor], anchors: Anchors, *, strides: Sequence[int]
) -> list[Float[Tensor, "n 4"]]:
    """The anchors of each level, in the order of `rows`; centers are the top left corners of cells."""
    return [
        grid_anchors(
            (each.shape[2], each.shape[3]),
            stride,
            sizes=sizes,
            ratios=anchors.ratios,
            offset=0.0,
            whole=True,
            device=each.device,
        )
        for each, stride, sizes in zip(maps, strides, anchors.sizes, strict=True)
    ]


@torch.no_grad()
def propose(
    objectness: Sequence[Float[Tensor, "b _ _ _"]],
    offsets: Sequence[Float[Tensor, "b _ _ _"]],
    anchors: Sequence[Float[Tensor, "_ 4"]],
    *,
    size: tuple[int, int],
    limits: Limits,
    threshold: float,
) -> Float[Tensor, "b p 4"]:
    """The proposals of each image, the same number for all; rows without area are padding.

    The best boxes of each level are suppressed within the level; then the best over all levels are kept.
    They are in anchor order, so boxes with nearly equal scores do not swap places.
    """
    scores, boxes, levels = [], [], []
    for level, (logit, offset, reference) in enumerate(zip(objectness, offsets, anchors, strict=True)):
        logits = rows(logit, numbers=1).squeeze(2)  # b n
        best, index = logits.topk(min(limits.ranked, logits.shape[1]), dim=1)
        index, order = index.sort(dim=1)
        scores.append(best.gather(1, order).sigmoid())
        chosen = rows(offset, numbers=4).gather(1, index[..., None].expand(-1, -1, 4))
        boxes.append(boxes_of(chosen, reference[index].to(chosen), weights=PROPOSAL_WEIGHTS))
        levels.append(torch.full_like(index, level))
    score, box, level_of = torch.cat(scores, 1), torch.cat(boxes, 1), torch.cat(levels, 1)  # b k, b k 4, b k
    box = clip(box.flatten(0, 1), height=size[0], width=size[1]).view_as(box)
    sound = (box[..., 2:] - box[..., :2] >= _LEAST_SIDE).all(dim=-1)
    image = torch.arange(len(box), device=box.device)[:, None]
    stays = survives_nms(
        box.flatten(0, 1),
        torch.where(sound, score, torch.nan).flatten(),  # NaN excludes a box from suppression
        threshold,
        groups=(image * len(anchors) + level_of).flatten(),
    ).view_as(sound)
    return _best(box, torch.where(stays, score, -1.0), most=limits.kept)


def _best(
    boxes: Float[Tensor, "b k 4"], scores: Float[Tensor, "b k"], *, most: int
) -> Float[Tensor, "b p 4"]:
    """The boxes with the highest scores, in their original order; zeros if there are too few."""
    ranked = scores.sort(dim=1, descending=True, stable=True)
    order: Int64[Tensor, "b p"] = ranked.indices[:, :most].sort(dim=1).indices
    index = ranked.indices[:, :most].gather(1, order)
    held = (ranked.values[:, :most].gather(1, order) >= 0)[..., None]
    return torch.where(held, boxes.gather(1, index[..., None].expand(-1, -1, 4)), 0.0)


_LEAST_SIDE = 1e-3
"""Smallest side of a proposal, in pixels; smaller ones are dropped."""
