"""Matching of detections to truths within one class, by the COCO rule and the VOC rule.

Detections are sorted by falling score. Both rules require an IoU of at least the threshold; `strict` in
`match_voc` requires more, like the Python port of the VOC devkit.

The leading dimension batches pairs of image and class. Padding truths must have overlap 0, so that no
threshold above 0 matches them. Ignore the results of padding detections.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64, Real
from torch import Tensor

from cvbench.boxes import reference
from cvbench.boxes.dispatch import is_compiled_for

NOBODY = -1
"""Index of the truth of an unmatched detection."""


class CocoMatches(NamedTuple):
    """The matches in every area range (a) and at every threshold (t)."""

    truth: Int64[Tensor, "*b a t d"]
    """Index of the matched truth, or NOBODY."""
    ignored: Bool[Tensor, "*b a t d"]
    """Neither true nor false positive: matched to an ignored truth, or unmatched and out of the range."""


def match_coco(
    overlaps: Real[Tensor, "*b d g"],
    *,
    thresholds: Real[Tensor, " t"],
    crowd: Bool[Tensor, "*b g"],
    ignored: Bool[Tensor, "*b a g"],
    outside: Bool[Tensor, "*b a d"],
) -> CocoMatches:
    """Match by COCO's rule, for several thresholds and area ranges together.

    In order, each detection takes the unmatched truth with the highest overlap of at least the threshold; in
    a tie the later truth. Any other truth is preferred to an ignored one, whatever the overlaps, and a crowd
    can be matched any number of times. `overlaps` are IoU, or for crowds the share of the detection in the
    crowd; `ignored` flags the truths that are ignored in each area range (crowds in all), `outside` the
    detections outside it. Overlaps and thresholds are compared as float64.

    Source: Lin et al. 2014, as evaluated by pycocotools.
    """
    *batch, detections, truths = overlaps.shape
    pairs, ranges = prod(batch), ignored.shape[-2]
    # pycocotools clamps thresholds in this way.
    least = thresholds.to(overlaps.device, torch.float64).clamp(max=1 - 1e-10)
    flat = (
        overlaps.detach().double().reshape(pairs, detections, truths),
        least,
        crowd.reshape(pairs, truths),
        ignored.reshape(pairs, ranges, truths),
    )
    match = torch.ops.cvbench.match_coco if is_compiled_for(*flat) else reference.match_coco
    partner: Tensor = match(*flat).reshape(*batch, ranges, len(thresholds), detections)
    found = partner != NOBODY
    passed_over = ~found
    if truths:
        of_truth = ignored[..., None, :].expand(*partner.shape[:-1], truths)
        passed_over = of_truth.gather(-1, partner.clamp(min=0))
    return CocoMatches(partner, torch.where(found, passed_over, outside[..., None, :]))


class VocMatches(NamedTuple):
    """The matches by the VOC rule."""

    truth: Int64[Tensor, "*b d"]
    """Index of the matched truth, or NOBODY for a detection that is a false positive or ignored."""
    ignored: Bool[Tensor, "*b d"]
    """Neither true nor false positive: the truth with the highest overlap is difficult."""


def match_voc(
    overlaps: Real[Tensor, "*b d g"],
    *,
    difficult: Bool[Tensor, "*b g"],
    threshold: float = 0.5,
    strict: bool = False,
) -> VocMatches:
    """Match by the rule of the PASCAL VOC devkit.

    Each detection considers only the truth with the highest overlap (the first in a tie). If the overlap is
    at least `threshold` (more, if `strict`), a difficult truth makes the detection ignored, an unmatched
    truth is matched, and a matched truth makes it a false positive. Detections need no sequential loop: of
    all detections with the same truth, the first matches it.

    Source: Everingham et al. 2010, the devkit's VOCevaldet.
    """
    if 0 in overlaps.shape:
        nobody = torch.full(overlaps.shape[:-1], NOBODY, device=overlaps.device)
        return VocMatches(nobody, torch.zeros_like(nobody, dtype=torch.bool))
    most, best = overlaps.detach().max(dim=-1)
    reaches = most.double() > threshold if strict else most.double() >= threshold
    ignored = reaches & difficult.gather(-1, best)
    rank = torch.arange(overlaps.shape[-2], device=overlaps.device).expand_as(best)
    last = overlaps.shape[-2]
    claim = torch.where(reaches & ~ignored, rank, last)
    first = torch.full_like(difficult, last, dtype=torch.int64).scatter_reduce(-1, best, claim, "amin")
    return VocMatches(torch.where(first.gather(-1, best) == rank, best, NOBODY), ignored)
