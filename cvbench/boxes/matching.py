"""Which detection found which truth: the COCO rule and the VOC rule, within one class.

Detections come best score first. Thresholds compare the IoU with "at least" in both rules; the VOC
rule's Python port, which says "more than", is a parameter of `match_voc`.

Pairs of image and class that stand behind one another in a batch are matched at once. A truth that only
fills up its pair's row overlaps nothing: no threshold above 0 lets anyone find it. What a detection that
only fills up comes to is to be passed over.
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
"""Stands where a detection has no partner among the truths."""


class CocoMatches(NamedTuple):
    """For every area range and threshold: each detection's truth, and whether it counts at all."""

    truth: Int64[Tensor, "*b a t d"]
    """Index of the matched truth, or NOBODY."""
    ignored: Bool[Tensor, "*b a t d"]
    """Neither right nor wrong: it matched an ignored truth, or matched none and is out of range."""


def match_coco(
    overlaps: Real[Tensor, "*b d g"],
    *,
    thresholds: Real[Tensor, " t"],
    crowd: Bool[Tensor, "*b g"],
    ignored: Bool[Tensor, "*b a g"],
    outside: Bool[Tensor, "*b a d"],
) -> CocoMatches:
    """Partners by the rule of COCO's evaluation, for several thresholds and area ranges at once.

    Each detection in turn takes the free truth with the highest overlap that is at least the
    threshold; among equal overlaps the later truth. A truth that counts is preferred to an ignored
    one whatever their overlaps, and a crowd is never used up. `overlaps` are IoU, and the share of
    the detection in columns of crowds; `ignored` says which truths do not count in each area range
    (crowds count in none), `outside` which detections lie outside of it. Overlaps and thresholds are
    compared as doubles.

    Source: Lin et al. 2014, as its reference evaluation counts.
    """
    *batch, detections, truths = overlaps.shape
    pairs, ranges = prod(batch), ignored.shape[-2]
    # The reference lets nobody ask for a whole overlap.
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
    """Each detection's truth by the VOC rule, and whether it counts at all."""

    truth: Int64[Tensor, "*b d"]
    """Index of the matched truth, or NOBODY: then the detection is false, or ignored."""
    ignored: Bool[Tensor, "*b d"]
    """Neither right nor wrong: its best truth is difficult."""


def match_voc(
    overlaps: Real[Tensor, "*b d g"],
    *,
    difficult: Bool[Tensor, "*b g"],
    threshold: float = 0.5,
    strict: bool = False,
) -> VocMatches:
    """Partners by the rule of the PASCAL VOC devkit.

    Each detection looks at one truth only, that with the highest overlap (the first among equals).
    If the overlap is at least `threshold` (more than it, if `strict`), a difficult truth makes the
    detection ignored, a free truth is taken, and a truth that is taken makes it false: there is no
    second choice. So nobody has to wait: of those that look at one truth, the first takes it.

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
