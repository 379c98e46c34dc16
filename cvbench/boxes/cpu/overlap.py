"""Pairwise overlap kernels: one pass over the output, with both sets of boxes in coordinate-major layout.

An invalid box has area NaN. Quotients by it are NaN, and every result that is not positive is written as 0,
which replaces separate checks for all kinds of invalid boxes.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cvbench.boxes.cpu.intersection import HALF_OPEN, area_or_nan, intersection, union
from cvbench.boxes.jit import compiled, inlined
from cvbench.boxes.threads import share

WORTH_SHARING = 1 << 17
"""Minimum number of pairs for several threads."""

WORTH_HUGE_PAGES = 1 << 23
"""Minimum output size in bytes for huge pages; with small pages, page faults would take most of the time."""


def iou(a: Tensor, b: Tensor) -> Tensor:
    """As `cvbench.boxes.iou`, for two sets of the same type."""
    return _pairwise(iou_rows, a, b, 0.0)


def voc_iou(a: Tensor, b: Tensor) -> Tensor:
    """As `cvbench.boxes.voc_iou`, for two sets of the same type."""
    return _pairwise(iou_rows, a, b, 1.0)


def crowd_iou(detections: Tensor, truths: Tensor) -> Tensor:
    """As `cvbench.boxes.crowd_iou`, for two sets of the same type."""
    return _pairwise(crowd_rows, detections, truths)


def _pairwise(kernel: Callable[..., Any], a: Tensor, b: Tensor, *options: float) -> Tensor:
    out = _empty(len(a), len(b), a.dtype)
    rows, columns = (boxes.t().contiguous().numpy() for boxes in (a, b))
    share(kernel, len(a), rows, columns, out.numpy(), *options, worth=out.numel() >= WORTH_SHARING)
    return out


def _empty(rows: int, columns: int, dtype: torch.dtype) -> Tensor:
    """An uninitialized matrix, in huge pages if it is large and the system supports them."""
    size = rows * columns * dtype.itemsize
    if size < WORTH_HUGE_PAGES or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(rows, columns, dtype=dtype)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=dtype).view(rows, columns)


@inlined
def areas_of(columns: Float[np.ndarray, "4 n"], pixel: float) -> Float[np.ndarray, " n"]:
    """Each box's area with `pixel` added to each side, or NaN for a box without area."""
    x1, y1, x2, y2 = columns[0], columns[1], columns[2], columns[3]
    areas = np.empty(len(x1), columns.dtype)
    for i in range(len(x1)):
        areas[i] = area_or_nan((x1[i], y1[i], x2[i], y2[i]), pixel)
    return areas


@compiled
def iou_rows(
    rows: Float[np.ndarray, "4 n"],
    columns: Float[np.ndarray, "4 m"],
    out: Float[np.ndarray, "n m"],
    pixel: float,
    start: int,
    stop: int,
) -> None:
    """Write rows `start` to `stop` of the IoU matrix, with `pixel` added to each side."""
    zero, pixel = out.dtype.type(0), out.dtype.type(pixel)
    areas, own_areas = areas_of(columns, pixel), areas_of(rows, pixel)
    x1, y1, x2, y2 = columns[0], columns[1], columns[2], columns[3]
    for i in range(start, stop):
        row, own = out[i], own_areas[i]
        box = rows[0, i], rows[1, i], rows[2, i], rows[3, i]
        for j in range(len(row)):
            shared = intersection(box, (x1[j], y1[j], x2[j], y2[j]), pixel)
            row[j] = max(zero, shared / union(shared, own, areas[j]))


@compiled
def crowd_rows(
    rows: Float[np.ndarray, "4 n"],
    columns: Float[np.ndarray, "4 m"],
    out: Float[np.ndarray, "n m"],
    start: int,
    stop: int,
) -> None:
    """Write rows `start` to `stop` of the share of each box in each of the others."""
    zero = out.dtype.type(0)
    areas, own_areas = areas_of(columns, HALF_OPEN), areas_of(rows, HALF_OPEN)
    x1, y1, x2, y2 = columns[0], columns[1], columns[2], columns[3]
    for i in range(start, stop):
        row, own = out[i], own_areas[i]
        box = rows[0, i], rows[1, i], rows[2, i], rows[3, i]
        for j in range(len(row)):
            shared = intersection(box, (x1[j], y1[j], x2[j], y2[j]), HALF_OPEN)
            quotient = shared / (own + areas[j] * zero)  # NaN if the other box is invalid
            row[j] = max(zero, quotient)
