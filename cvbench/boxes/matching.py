"""Which detection found which truth: the COCO rule and the VOC rule, for one image and one class.

Detections come best score first. Thresholds compare the IoU with "at least" in both rules; the VOC
rule's Python port, which says "more than", is a parameter of `match_voc`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

NOBODY = -1
"""Stands where a detection has no partner among the truths."""


class CocoMatches(NamedTuple):
    """For every area range and threshold: each detection's truth, and whether it counts at all."""

    truth: Int64[Tensor, "a t d"]
    """Index of the matched truth, or NOBODY."""
    ignored: Bool[Tensor, "a t d"]
    """Neither right nor wrong: it matched an ignored truth, or matched none and is out of range."""


def match_coco(
    overlaps: Float[Tensor, "d g"],
    *,
    thresholds: Float[Tensor, " t"],
    crowd: Bool[Tensor, " g"],
    ignored: Bool[Tensor, "a g"],
    outside: Bool[Tensor, "a d"],
) -> CocoMatches:
    """Partners by the rule of COCO's evaluation, for several thresholds and area ranges at once.

    Each detection in turn takes the free truth with the highest overlap that is at least the
    threshold; among equal overlaps the later truth. A truth that counts is preferred to an ignored
    one whatever their overlaps, and a crowd is never used up. `overlaps` are IoU, and the share of
    the detection in columns of crowds; `ignored` says which truths do not count in each area range
    (crowds count in none), `outside` which detections lie outside of it.

    Source: Lin et al. 2014, as its reference evaluation counts.
    """
    ranges, detections, truths = len(ignored), *overlaps.shape
    partner = torch.full((ranges, len(thresholds), detections), NOBODY)
    for r in range(ranges):
        # Counted truths first, each kind in input order: among equals the later one wins.
        order = torch.sort(ignored[r].to(torch.uint8), stable=True).indices.tolist()
        for t, threshold in enumerate(thresholds.tolist()):
            taken = [False] * truths
            for d, row in enumerate(overlaps.tolist()):
                least, best = min(threshold, 1 - 1e-10), NOBODY
                for g in order:
                    if taken[g] and not crowd[g]:
                        continue
                    if best != NOBODY and not ignored[r, best] and ignored[r, g]:
                        break
                    if row[g] >= least:
                        least, best = row[g], g
                if best != NOBODY:
                    taken[best] = True
                    partner[r, t, d] = best
    found = partner != NOBODY
    of_ignored = found & torch.stack([ignored[r][partner[r]] for r in range(ranges)]) if truths else found
    return CocoMatches(partner, of_ignored | (~found & outside[:, None]))


class VocMatches(NamedTuple):
    """Each detection's truth by the VOC rule, and whether it counts at all."""

    truth: Int64[Tensor, " d"]
    """Index of the matched truth, or NOBODY: then the detection is false, or ignored."""
    ignored: Bool[Tensor, " d"]
    """Neither right nor wrong: its best truth is difficult."""


def match_voc(
    overlaps: Float[Tensor, "d g"],
    *,
    difficult: Bool[Tensor, " g"],
    threshold: float = 0.5,
    strict: bool = False,
) -> VocMatches:
    """Partners by the rule of the PASCAL VOC devkit.

    Each detection looks at one truth only, that with the highest overlap (the first among equals).
    If the overlap is at least `threshold` (more than it, if `strict`), a difficult truth makes the
    detection ignored, a free truth is taken, and a truth that is taken makes it false: there is no
    second choice.

    Source: Everingham et al. 2010, the devkit's VOCevaldet.
    """
    truth = torch.full((len(overlaps),), NOBODY)
    ignored = torch.zeros(len(overlaps), dtype=torch.bool)
    taken: set[int] = set()
    for d, row in enumerate(overlaps if overlaps.shape[1] else ()):
        best = int(row.argmax())
        value = row[best].item()
        if not (value > threshold if strict else value >= threshold):
            continue
        if difficult[best]:
            ignored[d] = True
        elif best not in taken:
            taken.add(best)
            truth[d] = best
    return VocMatches(truth, ignored)
