"""COCO matching on CUDA: one program per pair of image and class, area range and threshold.

Detections are processed in sequence, each against all truths in parallel. The settings, forty per pair with
COCO's area ranges and thresholds, are independent.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from cvbench.boxes.cuda.overlap import kernel


def match_coco(overlaps: Tensor, thresholds: Tensor, crowd: Tensor, ignored: Tensor) -> Tensor:
    """As `cvbench.boxes.reference.match_coco`."""
    pairs, detections, truths = overlaps.shape
    ranges, levels = ignored.shape[1], len(thresholds)
    partner = torch.full((pairs, ranges, levels, detections), -1, device=overlaps.device)
    if partner.numel() and truths:
        sides = (tensor.contiguous() for tensor in (overlaps, thresholds, crowd, ignored))
        room = triton.next_power_of_2(truths)
        match_kernel[(pairs * ranges * levels,)](
            *sides, partner, ranges, levels, detections, truths, room=room, num_warps=1 if room <= 128 else 4
        )
    return partner


@kernel
def match_kernel(  # noqa: PLR0913, PLR0917, a kernel takes single arguments
    overlaps: tl.tensor,
    thresholds: tl.tensor,
    crowd: tl.tensor,
    ignored: tl.tensor,
    partner: tl.tensor,
    ranges: tl.tensor,
    levels: tl.tensor,
    detections: tl.tensor,
    truths: tl.tensor,
    room: tl.constexpr,
) -> None:
    """Match one setting of one pair; detections by falling score."""
    setting = tl.program_id(0).to(tl.int64)
    of_range = setting // levels
    pair = of_range // ranges
    g = tl.arange(0, room)
    there = g < truths
    again = tl.load(crowd + pair * truths + g, mask=there, other=0) != 0
    aside = tl.load(ignored + of_range * truths + g, mask=there, other=0) != 0
    threshold = tl.load(thresholds + setting % levels)
    taken = g < 0
    for d in range(detections):
        row = tl.load(overlaps + (pair * detections + d) * truths + g, mask=there, other=0)
        fits = there & (row >= threshold) & (again | ~taken)
        counting = fits & ~aside
        among = tl.where(tl.max(counting.to(tl.int32)) > 0, counting, fits)
        most = tl.max(tl.where(among, row, -float("inf")))
        best = tl.max(tl.where(among & (row == most), g, -1))
        tl.store(partner + setting * detections + d, best.to(tl.int64))
        taken |= g == best
