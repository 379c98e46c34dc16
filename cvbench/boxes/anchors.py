"""A grid of anchors: the same few boxes around every cell of a feature map."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def grid_anchors(
    size: tuple[int, int],
    stride: float,
    *,
    sizes: Sequence[float],
    ratios: Sequence[float] = (1.0,),
    offset: float = 0.5,
    whole: bool = False,
    device: torch.device | None = None,
) -> Float[Tensor, "n 4"]:
    """Anchors of a feature map of `size` (height, width) cells, in pixels of the image.

    Every cell has one anchor for each size and ratio: `size` is the square root of its area and
    `ratio` its height over its width. The order is rows, columns, sizes, ratios. Centres lie at
    `offset` of a cell: 0.5 is its middle, 0 its first corner (which Faster R-CNN's code uses). With
    `whole`, half sides are rounded to whole pixels, as torchvision has them.

    Source: Ren et al. 2015, https://arxiv.org/abs/1506.01497, section 3.1.1.

    >>> grid_anchors((1, 2), 16, sizes=[8])
    tensor([[ 4.,  4., 12., 12.],
            [20.,  4., 28., 12.]])
    """
    height, width = size
    y = (torch.arange(height, device=device) + offset) * stride
    x = (torch.arange(width, device=device) + offset) * stride
    centres = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).flip(-1)  # h w (x y)
    side = torch.tensor(sizes, dtype=torch.float32, device=device)[:, None]
    root = torch.tensor(ratios, dtype=torch.float32, device=device).sqrt()[None]
    half = torch.stack([side / root, side * root], dim=-1).reshape(-1, 2) / 2  # s·r (w h)
    half = half.round() if whole else half
    centres = centres.reshape(-1, 1, 2).to(half)
    return torch.cat([centres - half, centres + half], dim=-1).reshape(-1, 4)
