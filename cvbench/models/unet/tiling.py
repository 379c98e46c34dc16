"""Figure 2: an image of any size, labelled in overlapping tiles, with its rim mirrored."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def mirrored(images: Float[Tensor, "b c h w"], border: int) -> Float[Tensor, "b c k l"]:
    """The images with `border` pixels mirrored on at each side; the outermost ones are not repeated."""
    return F.pad(images, (border, border, border, border), mode="reflect")


def label_in_tiles(
    label: Callable[[Tensor], Tensor],
    x: Float[Tensor, "b c h w"],
    *,
    side: int,
    border: int,
) -> Float[Tensor, "b classes k l"]:
    """What `label` says of the whole of `x`, asked tile by tile.

    `label` turns a tile of `side` plus `border` at each end into its inner `side` pixels; `x` has its
    border already. One tile at a time is held in memory, which is the point. Tiles start at multiples
    of 16 pixels, where the poolings of a whole image would start too, so the answer is that of
    the whole image; for that, `side` and the inner size of `x` are both 16 k + 4.
    """
    seen = side + 2 * border
    rows = []
    for top, above in _starts(x.shape[-2] - 2 * border, side):
        row = [
            label(x[..., top : top + seen, left : left + seen])[..., above:, before:]
            for left, before in _starts(x.shape[-1] - 2 * border, side)
        ]
        rows.append(torch.cat(row, dim=-1))
    return torch.cat(rows, dim=-2)


def _starts(length: int, side: int) -> list[tuple[int, int]]:
    """Where tiles start along one axis, and how many of each one's first pixels are labelled already.

    >>> _starts(100, 36)
    [(0, 0), (32, 4), (64, 4)]
    >>> _starts(84, 36)
    [(0, 0), (32, 4), (48, 20)]
    """
    starts = [*range(0, length - side, side - 4), length - side]
    ends = [0, *(start + side for start in starts)]
    return [(start, end - start) for start, end in zip(starts, ends[:-1], strict=True)]
