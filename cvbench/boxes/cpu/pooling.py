"""RoIAlign kernels on channels-last maps, which process all channels of a position together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cvbench.boxes.jit import compiled
from cvbench.boxes.threads import share

WORTH_SHARING = 16
"""Minimum number of regions for several threads."""


class Taps(NamedTuple):
    """Interpolation along one axis: for each sample point of each region, two cells and their weights."""

    low: Int64[np.ndarray, "k points"]
    high: Int64[np.ndarray, "k points"]
    near: Float[np.ndarray, "k points"]
    far: Float[np.ndarray, "k points"]


def roi_align(
    maps: Sequence[Tensor],
    regions: Tensor,
    image: Tensor,
    level: Tensor,
    strides: Sequence[float],
    *,
    size: int,
    samples: int,
) -> Tensor:
    """As `cvbench.boxes.pooling.roi_align`, for maps and regions in float32 or float64."""
    out = regions.new_empty(len(regions), maps[0].shape[1], size, size)
    for number, (each, stride) in enumerate(zip(maps, strides, strict=True)):
        rows = (level == number).nonzero()[:, 0]
        if len(rows) and out.numel():
            share(
                align,
                len(rows),
                each.detach().permute(0, 2, 3, 1).contiguous().numpy(),  # no copy if already channels-last
                image[rows].numpy(),
                _taps(regions[rows] / stride, each, size, samples),
                out.flatten(2).numpy(),
                rows.numpy(),
                samples,
                worth=len(rows) >= WORTH_SHARING,
            )
    return out


def gradients(
    gradient: Tensor,
    maps: Sequence[Tensor],
    regions: Tensor,
    image: Tensor,
    level: Tensor,
    strides: Sequence[float],
    *,
    samples: int,
) -> list[Tensor]:
    """The gradients of the maps from that of `roi_align`'s output; independent of the thread count."""
    size, found = gradient.shape[-1], []
    for number, (each, stride) in enumerate(zip(maps, strides, strict=True)):
        cells = torch.zeros_like(each, memory_format=torch.channels_last)
        rows = (level == number).nonzero()[:, 0]
        if len(rows) and gradient.numel():
            # Threads split the channels, not the regions, because regions add to the same cells.
            share(
                spread,
                each.shape[1],
                gradient[rows].flatten(2).mT.contiguous().numpy(),
                image[rows].numpy(),
                _taps(regions[rows] / stride, each, size, samples),
                cells.permute(0, 2, 3, 1).numpy(),
                samples,
                worth=len(rows) >= WORTH_SHARING,
            )
        found.append(cells)
    return found


def _taps(regions: Tensor, each: Tensor, size: int, samples: int) -> tuple[Taps, Taps]:
    """Vertical and horizontal taps of regions, which are in cell units."""
    down, along = regions[:, 1::2], regions[:, 0::2]
    return _along(down, each.shape[2], size, samples), _along(along, each.shape[3], size, samples)


def _along(ends: Float[Tensor, "k 2"], length: int, size: int, samples: int) -> Taps:
    """Taps along one axis, in torchvision's order of operations, because rounding affects the positions."""
    step = (ends[:, 1:] - ends[:, :1]).clamp(min=1) / size
    bins = torch.arange(size, dtype=ends.dtype).repeat_interleave(samples)
    parts = (torch.arange(samples, dtype=ends.dtype) + 0.5).repeat(size)
    at = ends[:, :1] + bins * step + parts * step / samples
    inside = (at >= -1) & (at <= length)
    at = at.clamp(min=0)
    low = at.long().clamp(0, length - 1)  # NaN too; its weight is 0
    far = torch.where(low < length - 1, at - low, 0)
    near = torch.where(inside, 1 - far, 0)
    far = torch.where(inside, far, 0)
    return Taps(low.numpy(), (low + 1).clamp(max=length - 1).numpy(), near.numpy(), far.numpy())


@compiled
def align(
    cells: Float[np.ndarray, "b h w c"],
    image: Int64[np.ndarray, " k"],
    sides: tuple[Taps, Taps],
    out: Float[np.ndarray, "n c bins"],
    rows: Int64[np.ndarray, " k"],
    samples: int,
    start: int,
    stop: int,
) -> None:
    """Write the rows of `out` of regions `start` to `stop`."""
    y, x = sides
    channels, points = cells.shape[3], x.low.shape[1]
    size = points // samples
    sums = np.empty((size * size, channels), cells.dtype)
    count = cells.dtype.type(samples * samples)
    for k in range(start, stop):
        there = cells[image[k]]
        sums[:] = 0
        for i in range(points):
            top, bottom = there[y.low[k, i]], there[y.high[k, i]]
            for j in range(points):
                total = sums[i // samples * size + j // samples]
                a, b = top[x.low[k, j]], top[x.high[k, j]]
                c, d = bottom[x.low[k, j]], bottom[x.high[k, j]]
                in_a, in_b = y.near[k, i] * x.near[k, j], y.near[k, i] * x.far[k, j]
                in_c, in_d = y.far[k, i] * x.near[k, j], y.far[k, i] * x.far[k, j]
                for channel in range(channels):
                    total[channel] += (
                        in_a * a[channel] + in_b * b[channel] + in_c * c[channel] + in_d * d[channel]
                    )
        into = out[rows[k]]
        for channel in range(channels):
            for place in range(size * size):
                into[channel, place] = sums[place, channel] / count


@compiled
def spread(
    gradient: Float[np.ndarray, "k bins c"],
    image: Int64[np.ndarray, " k"],
    sides: tuple[Taps, Taps],
    cells: Float[np.ndarray, "b h w c"],
    samples: int,
    start: int,
    stop: int,
) -> None:
    """Add the gradient of each region's bins to `cells`, for channels `start` to `stop`."""
    y, x = sides
    points = x.low.shape[1]
    size = points // samples
    count = cells.dtype.type(samples * samples)
    for k in range(len(image)):
        there = cells[image[k]]
        for i in range(points):
            top, bottom = there[y.low[k, i]], there[y.high[k, i]]
            for j in range(points):
                given = gradient[k, i // samples * size + j // samples]
                a, b = top[x.low[k, j]], top[x.high[k, j]]
                c, d = bottom[x.low[k, j]], bottom[x.high[k, j]]
                in_a, in_b = y.near[k, i] * x.near[k, j], y.near[k, i] * x.far[k, j]
                in_c, in_d = y.far[k, i] * x.near[k, j], y.far[k, i] * x.far[k, j]
                # One cell after another, because at a border two of them are identical.
                for channel in range(start, stop):
                    a[channel] += in_a * given[channel] / count
                for channel in range(start, stop):
                    b[channel] += in_b * given[channel] / count
                for channel in range(start, stop):
                    c[channel] += in_c * given[channel] / count
                for channel in range(start, stop):
                    d[channel] += in_d * given[channel] / count
