"""COCO matching with full overlap matrices, per image and class, area range and threshold."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from cvbench.boxes.jit import compiled
from cvbench.boxes.threads import share

WORTH_SHARING = 1 << 14
"""Minimum number of comparisons for several threads."""


def match_coco(overlaps: Tensor, thresholds: Tensor, crowd: Tensor, ignored: Tensor) -> Tensor:
    """As `cvbench.boxes.reference.match_coco`."""
    pairs, detections, truths = overlaps.shape
    partner = torch.full((pairs, ignored.shape[1], len(thresholds), detections), -1)
    settings = partner.shape[:3].numel()
    sides = (tensor.contiguous().numpy() for tensor in (overlaps, thresholds, crowd, ignored))
    share(take_turns, settings, *sides, partner.numpy(), worth=settings * truths >= WORTH_SHARING)
    return partner


@compiled
def take_turns(
    overlaps: Float64[np.ndarray, "b d g"],
    thresholds: Float64[np.ndarray, " t"],
    crowd: Bool[np.ndarray, "b g"],
    ignored: Bool[np.ndarray, "b a g"],
    partner: Int64[np.ndarray, "b a t d"],
    start: int,
    stop: int,
) -> None:
    """Write the matches of settings `start` to `stop`, enumerated over pairs, area ranges and thresholds."""
    _, ranges, levels, _ = partner.shape
    detections, truths = overlaps.shape[1:]
    taken = np.empty(truths, np.int64)
    for setting in range(start, stop):
        p, a, t = setting // (ranges * levels), setting // levels % ranges, setting % levels
        taken[:] = 0
        for d in range(detections):
            best, most, counts = -1, 0.0, False
            for g in range(truths):
                overlap, counting = overlaps[p, d, g], not ignored[p, a, g]
                if not overlap >= thresholds[t] or (taken[g] and not crowd[p, g]):
                    continue
                # A truth that is not ignored comes first, then the higher overlap, then the later one.
                if best < 0 or (counting and not counts) or (counting == counts and overlap >= most):
                    best, most, counts = g, overlap, counting
            if best >= 0:
                taken[best] = 1
                partner[p, a, t, d] = best
