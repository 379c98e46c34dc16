"""RoIAlign, all channels of a place at once: maps lie with their channels together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int64
from torch import Tensor

from cvbench.boxes.cpu.jit import compiled
from cvbench.boxes.cpu.threads import share

WORTH_SHARING = 16
"""Regions from which on a second thread pays for its start."""


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
                each.permute(0, 2, 3, 1).contiguous().numpy(),  # nothing moves where the layout is that
                (regions[rows] / stride).numpy(),
                image[rows].numpy(),
                rows.numpy(),
                samples,
                out.view(len(out), -1, size * size).numpy(),
                size,
                worth=len(rows) >= WORTH_SHARING,
            )
    return out


@compiled
def corner(at: float, length: int) -> tuple[int, int, float]:
    """The two cells between which a coordinate lies, and how far it is from the first."""
    none = at - at  # a zero of its type
    low = max(int(at), 0)
    if low >= length - 1:
        return length - 1, length - 1, none
    return low, low + 1, max(at - low, none)


@compiled
def align(  # noqa: PLR0913, PLR0917 - kernels take no keywords
    cells: Float[np.ndarray, "b h w c"],
    regions: Float[np.ndarray, "k 4"],
    image: Int64[np.ndarray, " k"],
    rows: Int64[np.ndarray, " k"],
    samples: int,
    out: Float[np.ndarray, "n c bins"],
    size: int,
    start: int,
    stop: int,
) -> None:
    """Fill the rows of `out` that belong to the regions from `start` to `stop`, given in cells."""
    height, width, channels = cells.shape[1:]
    sums = np.empty((size * size, channels), cells.dtype)
    real = cells.dtype.type  # in it throughout, as torchvision: rounded in another way, a place is another
    one, half, parts = real(1), real(0.5), real(samples)
    for k in range(start, stop):
        there = cells[image[k]]
        x1, y1 = regions[k, 0], regions[k, 1]
        step_x = max(regions[k, 2] - x1, one) / real(size)
        step_y = max(regions[k, 3] - y1, one) / real(size)
        sums[:] = 0
        for bin_y in range(size):
            for bin_x in range(size):
                total = sums[bin_y * size + bin_x]
                for part_y in range(samples):
                    y = y1 + real(bin_y) * step_y + (real(part_y) + half) * step_y / parts
                    for part_x in range(samples):
                        x = x1 + real(bin_x) * step_x + (real(part_x) + half) * step_x / parts
                        if not (-one <= y <= height and -one <= x <= width):
                            continue
                        top, bottom, down = corner(y, height)
                        left, right, along = corner(x, width)
                        up, back = one - real(down), one - real(along)
                        w1, w2 = up * back, up * real(along)
                        w3, w4 = real(down) * back, real(down) * real(along)
                        c1, c2 = there[top, left], there[top, right]
                        c3, c4 = there[bottom, left], there[bottom, right]
                        for c in range(channels):
                            total[c] += w1 * c1[c] + w2 * c2[c] + w3 * c3[c] + w4 * c4[c]
        into = out[rows[k]]
        for c in range(channels):
            for place in range(size * size):
                into[c, place] = sums[place, c] / (parts * parts)
