"""Greedy NMS on CUDA: a suppression bit matrix computed in parallel, then one program per group.

Boxes are sorted by group and then by falling score. Bit `k` of `strikes[r, w]` means that box `r` suppresses
box `64 w + k` of its group. The second kernel decides 64 boxes at a time with one word in registers, and
accumulates the boxes that they suppress for the following words.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from cvbench.boxes.cuda.overlap import area_of, intersection, kernel, quotient

ROWS = tl.constexpr(32)


def nms(boxes: Tensor, scores: Tensor, threshold: float, groups: Tensor | None) -> Tensor:
    """As `cvbench.boxes.nms`, for boxes and scores in float32 or float64."""
    order = torch.sort(torch.where(scores.isnan(), -torch.inf, scores), descending=True, stable=True).indices
    order = order[~scores[order].isnan()]
    if not len(order):
        return order
    labels = torch.zeros_like(order) if groups is None else groups[order]
    labels, ranks = torch.sort(labels, stable=True)
    sizes = torch.unique_consecutive(labels, return_counts=True)[1]
    last = sizes.cumsum(0)
    first = last - sizes
    stays = torch.empty_like(order, dtype=torch.bool)
    stays[ranks] = _stays(boxes[order[ranks]], first, last, sizes, threshold)
    return order[stays]


def _stays(boxes: Tensor, first: Tensor, last: Tensor, sizes: Tensor, threshold: float) -> Tensor:
    """Which boxes are kept; groups are `first` to `last`, each sorted best first."""
    n, words = len(boxes), triton.cdiv(int(sizes.max()), 64)
    spans = torch.stack([first, last], dim=1).repeat_interleave(sizes, dim=0)
    limit = torch.tensor([threshold], dtype=torch.float64, device=boxes.device)
    strikes = torch.empty(n, words, dtype=torch.int64, device=boxes.device)
    tiles = (triton.cdiv(n, ROWS.value), words)
    strike_kernel[tiles](boxes.contiguous(), spans, limit, strikes, n, words, enable_fp_fusion=False)
    stays = torch.empty(n, dtype=torch.bool, device=boxes.device)
    decide_kernel[(len(sizes),)](strikes, first, last, stays, words, room=triton.next_power_of_2(words))
    return stays


@kernel
def strike_kernel(
    boxes: tl.tensor, spans: tl.tensor, limit: tl.tensor, strikes: tl.tensor, n: tl.tensor, words: tl.tensor
) -> None:
    """Compute one word for each of ROWS boxes: which of 64 later boxes in its group it suppresses."""
    r = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    word = tl.program_id(1)
    bit = tl.arange(0, 64).to(tl.int64)
    first = tl.load(spans + 2 * r, mask=r < n, other=0)
    last = tl.load(spans + 2 * r + 1, mask=r < n, other=0)
    c = (first + word * 64)[:, None] + bit[None, :]
    behind = (c < last[:, None]) & (c > r[:, None])
    x1 = tl.load(boxes + 4 * r, mask=r < n, other=0)
    y1 = tl.load(boxes + 4 * r + 1, mask=r < n, other=0)
    x2 = tl.load(boxes + 4 * r + 2, mask=r < n, other=0)
    y2 = tl.load(boxes + 4 * r + 3, mask=r < n, other=0)
    left = tl.load(boxes + 4 * c, mask=behind, other=0)
    top = tl.load(boxes + 4 * c + 1, mask=behind, other=0)
    right = tl.load(boxes + 4 * c + 2, mask=behind, other=0)
    bottom = tl.load(boxes + 4 * c + 3, mask=behind, other=0)
    own = area_of(x1, y1, x2, y2, 0.0)
    areas = area_of(left, top, right, bottom, 0.0)
    inter = intersection(x1[:, None], y1[:, None], x2[:, None], y2[:, None], left, top, right, bottom, 0.0)
    overlap = quotient(inter, own[:, None] + areas - inter).to(tl.float64)
    struck = (overlap > tl.load(limit)) & behind
    packed = tl.sum(struck.to(tl.int64) << bit[None, :], axis=1)
    tl.store(strikes + r * words + word, packed, mask=r < n)


@kernel
def decide_kernel(
    strikes: tl.tensor,
    first: tl.tensor,
    last: tl.tensor,
    stays: tl.tensor,
    words: tl.tensor,
    room: tl.constexpr,
) -> None:
    """Decide one group, best box first: a box is kept unless a kept box suppresses it."""
    start = tl.load(first + tl.program_id(0))
    stop = tl.load(last + tl.program_id(0))
    w = tl.arange(0, room)
    struck = tl.zeros([room], dtype=tl.int64)
    for word in range(tl.cdiv(stop - start, 64)):
        here = tl.sum(tl.where(w == word, struck, 0))
        top = start + word * 64
        for bit in range(tl.minimum(64, stop - top)):
            row = strikes + (top + bit) * words
            free = ((here >> bit) & 1) == 0
            tl.store(stays + top + bit, free)
            here |= tl.where(free, tl.load(row + word), 0)
            struck |= tl.where(free, tl.load(row + w, mask=w < words, other=0), 0)
