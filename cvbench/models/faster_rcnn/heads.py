"""The second stage: classifies each region, and refines its box for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
import torchvision
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from cvbench.boxes import area
from cvbench.boxes.formats import wide
from cvbench.boxes.pooling import roi_align

Pooling: TypeAlias = Literal["pool", "align"]

BINS = 7
"""Bins per side that a region is pooled to."""


class RegionOutputs(NamedTuple):
    """The second stage's outputs for each region; class 0 is the background."""

    logits: Float[Tensor, "n k"]
    offsets: Float[Tensor, "n k 4"]


class TwoLayers(nn.Module):
    """Two fully connected layers: the head for FPN backbones, with torchvision's names."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc6 = nn.Linear(channels * BINS * BINS, hidden)
        self.fc7 = nn.Linear(hidden, hidden)

    def forward(self, x: Float[Tensor, "n bins"]) -> Float[Tensor, "n hidden"]:
        """Features of each region from its pooled bins."""
        x = self.fc6(x).relu_()
        y: Tensor = self.fc7(x).relu_()
        return y


class Predictor(nn.Module):
    """The two output layers: class logits, and box offsets for each class."""

    def __init__(self, hidden: int, classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(hidden, classes)
        self.bbox_pred = nn.Linear(hidden, 4 * classes)
        nn.init.normal_(self.cls_score.weight, std=0.01)
        nn.init.normal_(self.bbox_pred.weight, std=0.001)
        nn.init.zeros_(self.cls_score.bias)
        nn.init.zeros_(self.bbox_pred.bias)

    def forward(self, x: Float[Tensor, "n hidden"]) -> RegionOutputs:
        """Logits and offsets."""
        return RegionOutputs(self.cls_score(x), self.bbox_pred(x).unflatten(1, (-1, 4)))


class RoiHeads(nn.Module):
    """Pools each region from the map that suits its size, and classifies it."""

    def __init__(
        self, box_head: nn.Module, *, hidden: int, classes: int, strides: Sequence[int], pooling: Pooling
    ) -> None:
        super().__init__()
        self.box_head = box_head
        self.box_predictor = Predictor(hidden, classes)
        self.outputs = classes
        self.strides = tuple(strides)
        self.pooling = pooling

    def forward(
        self, maps: Sequence[Tensor], regions: Float[Tensor, "n 4"], image: Int64[Tensor, " n"]
    ) -> RegionOutputs:
        """Outputs for `regions` in input pixels; `image` is each region's index in the batch."""
        outputs: RegionOutputs = self.box_predictor(
            self.box_head(self._pooled(maps, regions, image).flatten(1))
        )
        return outputs

    def _pooled(self, maps: Sequence[Tensor], regions: Tensor, image: Tensor) -> Tensor:
        if self.pooling == "pool":
            numbered = torch.cat([image[:, None].to(regions), regions], dim=1)
            source = wide(maps[0])
            pooled: Tensor = torchvision.ops.roi_pool(source, numbered.to(source), BINS, 1 / self.strides[0])
            return pooled
        level = level_of(regions, levels=len(maps))
        return roi_align(maps, regions, image=image, level=level, strides=self.strides, size=BINS)


def level_of(regions: Float[Tensor, "n 4"], *, levels: int) -> Int64[Tensor, " n"]:
    """The pyramid level that each region is pooled from; 224 x 224 pixels is the third.

    Source: Lin et al. 2016, Feature Pyramid Networks, https://arxiv.org/abs/1612.03144, equation 1.

    >>> level_of(torch.tensor([[0.0, 0.0, 224.0, 224.0], [0.0, 0.0, 100.0, 100.0]]), levels=4)
    tensor([2, 0])
    """
    # The epsilon keeps rounding from moving a region of the exact size to the level below.
    level = torch.floor(4 + torch.log2(area(regions).sqrt() / 224) + 1e-6) - 2
    return level.clamp(0, levels - 1).long()


class StageLoss(NamedTuple):
    """The two loss terms of a stage."""

    classes: Float[Tensor, ""]
    box: Float[Tensor, ""]


def proposal_loss(
    objectness: Float[Tensor, "b k"],
    offsets: Float[Tensor, "b k 4"],
    *,
    targets: Float[Tensor, "b k 4"],
    positive: Bool[Tensor, "b k"],
    chosen: Bool[Tensor, "b k"],
    beta: float,
) -> StageLoss:
    """Binary cross entropy of the sample and smooth L1 of its positives, divided by the sample's size."""
    size = chosen.sum().clamp(min=1)
    belief = F.binary_cross_entropy_with_logits(
        objectness, positive.to(objectness), weight=chosen.to(objectness), reduction="sum"
    )
    distance = F.smooth_l1_loss(offsets, targets, beta=beta, reduction="none")
    return StageLoss(belief / size, (distance * positive[..., None]).sum() / size)


def detection_loss(
    logits: Float[Tensor, "n k"],
    offsets: Float[Tensor, "n k 4"],
    *,
    targets: Float[Tensor, "n 4"],
    category: Int64[Tensor, " n"],
    beta: float,
) -> StageLoss:
    """Cross entropy, and smooth L1 of the offsets for the true class, divided by the number of regions.

    Category 0 is the background, which has no box.
    """
    size = max(len(category), 1)
    named = F.cross_entropy(logits, category, reduction="sum")
    own = offsets.gather(1, category[:, None, None].expand(-1, 1, 4)).squeeze(1)
    distance = F.smooth_l1_loss(own, targets, beta=beta, reduction="none")
    return StageLoss(named / size, (distance * (category > 0)[:, None]).sum() / size)
