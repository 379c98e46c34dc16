"""Training targets of both stages: box offsets, matching to objects, and sampling."""

from __future__ import annotations

import math
from typing import Final, NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cvbench.boxes import assign, iou, iou_of_pairs
from cvbench.models.detection import BatchObjects


class Share(NamedTuple):
    """Size and composition of a sample."""

    size: int
    """References per image."""
    positive: float
    """Largest fraction of the sample that can be positive."""


class SampledReferences(NamedTuple):
    """The sample of each image, padded to the same length."""

    reference: Int64[Tensor, "b k"]
    positive: Bool[Tensor, "b k"]
    chosen: Bool[Tensor, "b k"]
    """Whether a row holds a reference; the others are padding, if an image has too few."""


def sample(positive: Bool[Tensor, "b n"], negative: Bool[Tensor, "b n"], share: Share) -> SampledReferences:
    """A random sample from torch's generator: positives up to their share, then negatives up to the count.

    If there are too few negatives the sample is smaller; positives do not replace them.
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
"""Equivalent to the paper's code, which divides by the offsets' usual spread, (0.1, 0.1, 0.2, 0.2)."""

_LIMIT: Final = math.log(1000 / 16)
"""Upper limit of the logarithm of a ratio of sides; avoids overflow in an untrained network."""


def offsets_of(
    boxes: Float[Tensor, "*n 4"], references: Float[Tensor, "*n 4"], *, weights: Weights
) -> Float[Tensor, "*n 4"]:
    """Center offsets relative to the reference's sides, and log ratios of sides, each times its weight.

    Source: Girshick et al. 2014 (R-CNN), https://arxiv.org/abs/1311.2524, appendix C.
    """
    sides, centers = _sides_and_centers(boxes)
    own_sides, own_centers = _sides_and_centers(references)
    offsets = torch.cat([(centers - own_centers) / own_sides, (sides / own_sides).log()], dim=-1)
    return offsets * offsets.new_tensor(weights)


def boxes_of(
    offsets: Float[Tensor, "*n 4"], references: Float[Tensor, "*n 4"], *, weights: Weights
) -> Float[Tensor, "*n 4"]:
    """The boxes with these offsets from their references; sides grow by a factor of 62.5 at most."""
    sides, centers = _sides_and_centers(references)
    moved = offsets / offsets.new_tensor(weights)
    centers = moved[..., :2] * sides + centers
    half = 0.5 * (moved[..., 2:].clamp(max=_LIMIT).exp() * sides)
    return torch.cat([centers - half, centers + half], dim=-1)


def _sides_and_centers(boxes: Tensor) -> tuple[Tensor, Tensor]:
    sides = boxes[..., 2:] - boxes[..., :2]
    return sides, boxes[..., :2] + 0.5 * sides


class Truths(NamedTuple):
    """Objects of each image, padded to the same length of at least one; padding rows have no area."""

    boxes: Float[Tensor, "b m 4"]
    label: Int64[Tensor, "b m"]


class AnchorTargets(NamedTuple):
    """The sample of anchors that the first stage trains on, padded to the same length per image."""

    anchor: Int64[Tensor, "b k"]
    positive: Bool[Tensor, "b k"]
    chosen: Bool[Tensor, "b k"]
    """Whether a row holds an anchor."""
    offsets: Float[Tensor, "b k 4"]
    """Offsets to the object for positives; zeros otherwise."""


class RegionTargets(NamedTuple):
    """The sample of regions that the second stage trains on, concatenated over the batch."""

    image: Int64[Tensor, " n"]
    boxes: Float[Tensor, "n 4"]
    category: Int64[Tensor, " n"]
    """0 for the background."""
    offsets: Float[Tensor, "n 4"]
    """Offsets to the object for positives; zeros otherwise."""


def by_image(objects: BatchObjects, *, images: int) -> Truths:
    """Objects concatenated over the batch, as one padded row per image."""
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
    """Sampled anchors: positive from an IoU of 0.7 on or as an object's best anchor, negative below 0.3.

    Only `eligible` anchors are sampled. If an object's best anchor is not eligible, it has no best anchor.
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
    """Sampled regions, from proposals and ground truth boxes: positive from an IoU of 0.5 on, else negative.

    The ground truth boxes provide positives from the first step on.
    """
    regions = torch.cat([proposals, truths.boxes.to(proposals)], dim=1)  # b r 4
    truth, positive, negative = assign(
        _overlaps(regions, truths.boxes), positive=0.5, negative=0.5, low_quality=False
    )
    sampled = sample(positive, negative & exists(regions), share)
    image, place = sampled.chosen.nonzero().unbind(1)
    index, positive = sampled.reference[image, place], sampled.positive[image, place]
    boxes, own = regions[image, index], truth[image, index]
    category = torch.where(positive, categories[truths.label[image, own]], 0)
    wanted = _offsets(truths.boxes[image, own].to(boxes), boxes, positive, DETECTION_WEIGHTS)
    return RegionTargets(image, boxes, category, wanted)


def exists(regions: Float[Tensor, "*n 4"]) -> Bool[Tensor, "*n"]:
    """Whether a row is a region; padding rows have no area."""
    there: Tensor = (regions[..., 2:] > regions[..., :2]).all(dim=-1)
    return there


def _overlaps(regions: Float[Tensor, "b r 4"], boxes: Float[Tensor, "b m 4"]) -> Float[Tensor, "b r m"]:
    """IoU within each image, computed for pairs, because IoUs across images are not needed."""
    pairs = (len(regions), regions.shape[1], boxes.shape[1], 4)
    ours, theirs = regions[:, :, None].expand(pairs), boxes[:, None].expand(pairs)
    return iou_of_pairs(ours.reshape(-1, 4), theirs.reshape(-1, 4)).view(pairs[:3])


def _offsets(
    truth: Float[Tensor, "*n 4"],
    references: Float[Tensor, "*n 4"],
    positive: Bool[Tensor, "*n"],
    weights: Weights,
) -> Float[Tensor, "*n 4"]:
    # Selected before the logarithm: zero times an infinite loss is NaN.
    unit = truth.new_tensor([0.0, 0.0, 1.0, 1.0])
    there = positive[..., None]
    return offsets_of(torch.where(there, truth, unit), torch.where(there, references, unit), weights=weights)
