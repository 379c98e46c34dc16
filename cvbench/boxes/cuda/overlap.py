"""Pairwise overlap on CUDA: the same operations in the same order as on the CPU.

IEEE division and no fused multiply-add make the results bit-identical. As on the CPU, an invalid box has
area NaN, and every result that is not positive is written as 0.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

ROWS = tl.constexpr(16)
COLUMNS = tl.constexpr(128)


def kernel(function: Callable[..., Any]) -> Any:
    """Make a Triton kernel; pass `enable_fp_fusion=False` to launches that must be bit-identical.

    Removes the type checker that the tests' import hook adds, which Triton cannot compile.
    """
    return triton.jit(inspect.unwrap(function))


def iou(a: Tensor, b: Tensor) -> Tensor:
    """As `cvbench.boxes.iou`, for two sets of the same type."""
    return _pairwise(a, b, pixel=0.0, of_first=False)


def voc_iou(a: Tensor, b: Tensor) -> Tensor:
    """As `cvbench.boxes.voc_iou`, for two sets of the same type."""
    return _pairwise(a, b, pixel=1.0, of_first=False)


def crowd_iou(detections: Tensor, truths: Tensor) -> Tensor:
    """As `cvbench.boxes.crowd_iou`, for two sets of the same type."""
    return _pairwise(detections, truths, pixel=0.0, of_first=True)


def _pairwise(a: Tensor, b: Tensor, *, pixel: float, of_first: bool) -> Tensor:
    n, m = len(a), len(b)
    out = torch.empty(n, m, dtype=a.dtype, device=a.device)
    if out.numel():
        tiles = (triton.cdiv(n, ROWS.value), triton.cdiv(m, COLUMNS.value))
        options = {"pixel": pixel, "of_first": of_first, "enable_fp_fusion": False}
        overlap_kernel[tiles](a.contiguous(), b.contiguous(), out, n, m, **options)
    return out


@kernel
def area_of(x1: tl.tensor, y1: tl.tensor, x2: tl.tensor, y2: tl.tensor, pixel: tl.constexpr) -> tl.tensor:
    """Each box's area with `pixel` added to each side, or NaN for a box without area."""
    width = x2 - x1 + pixel
    height = y2 - y1 + pixel
    return tl.where((width > 0) & (height > 0), width * height, float("nan"))


@kernel
def intersection(  # noqa: PLR0913, PLR0917, a kernel takes single arguments
    ax1: tl.tensor,
    ay1: tl.tensor,
    ax2: tl.tensor,
    ay2: tl.tensor,
    bx1: tl.tensor,
    by1: tl.tensor,
    bx2: tl.tensor,
    by2: tl.tensor,
    pixel: tl.constexpr,
) -> tl.tensor:
    """Intersection area of broadcast boxes, with `pixel` added to each side."""
    width = tl.minimum(ax2, bx2) - tl.maximum(ax1, bx1) + pixel
    height = tl.minimum(ay2, by2) - tl.maximum(ay1, by1) + pixel
    return tl.maximum(width, 0) * tl.maximum(height, 0)


@kernel
def quotient(part: tl.tensor, whole: tl.tensor) -> tl.tensor:
    """IEEE division; in float32 the operator `/` is approximate."""
    return tl.div_rn(part, whole) if part.dtype == tl.float32 else part / whole


@kernel
def overlap_kernel(
    a: tl.tensor,
    b: tl.tensor,
    out: tl.tensor,
    n: tl.tensor,
    m: tl.tensor,
    pixel: tl.constexpr,
    of_first: tl.constexpr,
) -> None:
    """Compute one tile of the matrix."""
    i = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None].to(tl.int64)
    j = (tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS))[None, :].to(tl.int64)
    ax1 = tl.load(a + 4 * i, mask=i < n, other=0)
    ay1 = tl.load(a + 4 * i + 1, mask=i < n, other=0)
    ax2 = tl.load(a + 4 * i + 2, mask=i < n, other=0)
    ay2 = tl.load(a + 4 * i + 3, mask=i < n, other=0)
    bx1 = tl.load(b + 4 * j, mask=j < m, other=0)
    by1 = tl.load(b + 4 * j + 1, mask=j < m, other=0)
    bx2 = tl.load(b + 4 * j + 2, mask=j < m, other=0)
    by2 = tl.load(b + 4 * j + 3, mask=j < m, other=0)
    area_a = area_of(ax1, ay1, ax2, ay2, pixel)
    area_b = area_of(bx1, by1, bx2, by2, pixel)
    inter = intersection(ax1, ay1, ax2, ay2, bx1, by1, bx2, by2, pixel)
    whole = area_a + area_b * 0 if of_first else area_a + area_b - inter
    share = quotient(inter, whole)
    tl.store(out + i * m + j, tl.where(share > 0, share, 0), mask=(i < n) & (j < m))
