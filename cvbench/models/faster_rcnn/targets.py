"""What the references of both stages are to learn: which object, or that nothing is there."""

from __future__ import annotations

import math
from typing import Final, NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cvbench.boxes import assign, iou, iou_of_pairs
from cvbench.models.detection import BatchObjects


class Share(NamedTuple):
    """How large a sample is."""

    size: int
    """Of an image."""
    positive: float
    """The most of it that may be positive."""


class SampledReferences(NamedTuple):
    """Chosen references of each image, as many places for each."""

    reference: Int64[Tensor, "b k"]
    positive: Bool[Tensor, "b k"]
    chosen: Bool[Tensor, "b k"]
    """Whether a place holds a reference: an image can have too few of them."""


def sample(positive: Bool[Tensor, "b n"], negative: Bool[Tensor, "b n"], share: Share) -> SampledReferences:
    """At random, by torch's generator: positives up to their share, and negatives up to the count.

    Where negatives are too few the sample is smaller; positives do not take their places.
    """
    wanted = min(int(share.size * share.positive), positive.shape[1])
    lot = torch.rand(positive.shape, device=positive.device)  # in [0, 1)
    first = torch.where(positive, lot, -1.0).topk(wanted, dim=1)
    second = torch.where(negative, lot, -1.0).topk(min(share.size, positive.shape[1]), dim=1)
    taken = first.values >= 0
    rank = torch.arange(second.values.shape[1], device=lot.device)
    left = share.size - taken.sum(dim=1, keepdim=True)
    filled = (second.values >= 0) & (rank < left)
    return SampledReferences(
        torch.cat([first.indices, second.indices], dim=1),
        torch.cat([taken, torch.zeros_like(filled)], dim=1),
        torch.cat([taken, filled], dim=1),
    )


Weights: TypeAlias = tuple[float, float, float, float]

PROPOSAL_WEIGHTS: Final[Weights] = (1.0, 1.0, 1.0, 1.0)
DETECTION_WEIGHTS: Final[Weights] = (10.0, 10.0, 5.0, 5.0)
"""The paper's code divides by the offsets' usual spread, (0.1, 0.1, 0.2, 0.2): it is the same."""

_LIMIT: Final = math.log(1000 / 16)
"""The most that a logarithm of sides may be: an untrained net's would overflow."""


def offsets_of(
    boxes: Float[Tensor, "*n 4"], references: Float[Tensor, "*n 4"], *, weights: Weights
) -> Float[Tensor, "*n 4"]:
    """Centre by the reference's sides, and logarithms of the ratios of sides, each times its weight.

    Source: Girshick et al. 2014 (R-CNN), https://arxiv.org/abs/1311.2524, appendix C.
    """
    sides, centres = _sides_and_centres(boxes)
    own_sides, own_centres = _sides_and_centres(references)
    offsets = torch.cat([(centres - own_centres) / own_sides, (sides / own_sides).log()], dim=-1)
    return offsets * offsets.new_tensor(weights)


def boxes_of(
    offsets: Float[Tensor, "*n 4"], references: Float[Tensor, "*n 4"], *, weights: Weights
) -> Float[Tensor, "*n 4"]:
    """The boxes that these are the offsets of; sides grow to at most 62.5 times the reference's."""
    sides, centres = _sides_and_centres(references)
    moved = offsets / offsets.new_tensor(weights)
    centres = moved[..., :2] * sides + centres
    half = 0.5 * (moved[..., 2:].clamp(max=_LIMIT).exp() * sides)
    return torch.cat([centres - half, centres + half], dim=-1)


def _sides_and_centres(boxes: Tensor) -> tuple[Tensor, Tensor]:
    sides = boxes[..., 2:] - boxes[..., :2]
    return sides, boxes[..., :2] + 0.5 * sides


class Truths(NamedTuple):
    """The objects of each image, as many rows for each and at least one; rows without area are none."""

    boxes: Float[Tensor, "b m 4"]
    label: Int64[Tensor, "b m"]


class AnchorTargets(NamedTuple):
    """The sample of anchors that the first stage learns from, as many places for each image."""

    anchor: Int64[Tensor, "b k"]
    positive: Bool[Tensor, "b k"]
    chosen: Bool[Tensor, "b k"]
    """Whether a place holds an anchor."""
    offsets: Float[Tensor, "b k 4"]
    """To the object, where positive; else zeros."""


class RegionTargets(NamedTuple):
    """The sample of regions that the second stage learns from, end to end."""

    image: Int64[Tensor, " n"]
    boxes: Float[Tensor, "n 4"]
    category: Int64[Tensor, " n"]
    """0 for the background."""
    offsets: Float[Tensor, "n 4"]
    """To the object, where there is one; else zeros."""


def by_image(objects: BatchObjects, *, images: int) -> Truths:
    """Objects that lie end to end, image by image, as a row of each image."""
    counts = objects.image.bincount(minlength=images)
    most = max(1, int(counts.max()))
    place = torch.arange(len(objects.image), device=counts.device)
    place = place - (counts.cumsum(0) - counts)[objects.image]
    boxes = objects.boxes.new_zeros(images, most, 4)
    label = objects.label.new_zeros(images, most)
    boxes[objects.image, place], label[objects.image, place] = objects.boxes, objects.label
    return Truths(boxes, label)


@torch.no_grad()
def anchor_targets(
    anchors: Float[Tensor, "n 4"],
    truths: Truths,
    share: Share,
    *,
    eligible: Bool[Tensor, " n"] | None = None,
) -> AnchorTargets:
    """Positive from an IoU of 0.7 on, or as an object's best; negative below 0.3; a sample of them.

    Only `eligible` anchors are drawn. Others can be an object's best all the same, which then has none.
    """
    images, most = truths.label.shape
    overlaps = iou(truths.boxes.flatten(0, 1), anchors).view(images, most, -1).mT  # b n m
    truth, positive, negative = assign(overlaps, positive=0.7, negative=0.3)
    if eligible is not None:
        positive, negative = positive & eligible, negative & eligible
    index, positive, chosen = sample(positive, negative, share)
    own = truth.gather(1, index)[..., None].expand(-1, -1, 4)
    wanted = _offsets(truths.boxes.gather(1, own), anchors[index], positive, PROPOSAL_WEIGHTS)
    return AnchorTargets(index, positive, chosen, wanted)


@torch.no_grad()
def region_targets(
    proposals: Float[Tensor, "b p 4"], truths: Truths, share: Share, *, categories: Int64[Tensor, " classes"]
) -> RegionTargets:
    """Positive from an IoU of 0.5 on, else negative; a sample of the proposals and of the objects.

    The objects themselves are among the regions, so that there are positives from the first step on.
    """
    regions = torch.cat([proposals, truths.boxes.to(proposals)], dim=1)  # b r 4
    truth, positive, negative = assign(
        _overlaps(regions, truths.boxes), positive=0.5, negative=0.5, low_quality=False
    )
    drawn = sample(positive, negative & exists(regions), share)
    image, place = drawn.chosen.nonzero().unbind(1)
    index, positive = drawn.reference[image, place], drawn.positive[image, place]
    boxes, own = regions[image, index], truth[image, index]
    category = torch.where(positive, categories[truths.label[image, own]], 0)
    wanted = _offsets(truths.boxes[image, own].to(boxes), boxes, positive, DETECTION_WEIGHTS)
    return RegionTargets(image, boxes, category, wanted)


def exists(regions: Float[Tensor, "*n 4"]) -> Bool[Tensor, "*n"]:
    """Whether a row is a region: rows that only fill up have no area."""
    there: Tensor = (regions[..., 2:] > regions[..., :2]).all(dim=-1)
    return there


def _overlaps(regions: Float[Tensor, "b r 4"], boxes: Float[Tensor, "b m 4"]) -> Float[Tensor, "b r m"]:
    """IoU within each image; pair by pair, for across images nothing has to be known."""
    pairs = (len(regions), regions.shape[1], boxes.shape[1], 4)
    ours, theirs = regions[:, :, None].expand(pairs), boxes[:, None].expand(pairs)
    return iou_of_pairs(ours.reshape(-1, 4), theirs.reshape(-1, 4)).view(pairs[:3])


def _offsets(
    truth: Float[Tensor, "*n 4"],
    references: Float[Tensor, "*n 4"],
    positive: Bool[Tensor, "*n"],
    weights: Weights,
) -> Float[Tensor, "*n 4"]:
    # Chosen before the logarithm: a loss times zero is no number where the target is infinite.
    unit = truth.new_tensor([0.0, 0.0, 1.0, 1.0])
    there = positive[..., None]
    return offsets_of(torch.where(there, truth, unit), torch.where(there, references, unit), weights=weights)
