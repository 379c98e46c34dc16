"""A grid of anchors: the same few boxes around every cell of a feature map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from cvbench.boxes.overlap import iou_of_shapes


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


class Priors(NamedTuple):
    """Shapes (width, height), smallest area first, and how well they cover the data."""

    shapes: Float[Tensor, "k 2"]
    mean_best_iou: float


def kmeans_priors(shapes: Float[Tensor, "n 2"], k: int, *, seed: int = 0, iterations: int = 100) -> Priors:
    """`k` shapes around which the given (width, height) gather, by k-means with distance 1 - IoU.

    Starts from k-means++ seeds and stops when no shape changes its cluster, at the latest after
    `iterations` rounds. Shapes without area or that are not finite take no part. Fewer than `k`
    shapes, or a `k` below 1, is a ValueError.

    Source: Redmon and Farhadi 2017 (YOLO9000), https://arxiv.org/abs/1612.08242, section 2.
    """
    shapes = shapes[(shapes > 0).all(1) & shapes.isfinite().all(1)].double()
    if not 1 <= k <= len(shapes):
        raise ValueError(f"k is {k}, but there are {len(shapes)} shapes with an area")
    generator = torch.Generator().manual_seed(seed)
    centres = _spread(shapes, k, generator)
    nearest = torch.full((len(shapes),), -1)
    for _ in range(iterations):
        before, nearest = nearest, iou_of_shapes(shapes, centres).argmax(dim=1)
        if torch.equal(before, nearest):
            break
        counts = nearest.bincount(minlength=k)[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, shapes)
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    centres = centres[centres.prod(dim=1).argsort(stable=True)]
    quality = iou_of_shapes(shapes, centres).amax(dim=1).mean().item()
    return Priors(centres.float(), quality)


def _spread(shapes: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """Seeds far from one another: each next one is drawn by its squared distance to those there are."""
    first = torch.randint(len(shapes), (1,), generator=generator)
    chosen = [shapes[first]]
    distance = 1 - iou_of_shapes(shapes, chosen[0])[:, 0]
    while len(chosen) < k:
        # Where fewer than k different shapes exist all distances are 0: any shape will do.
        weights = distance.square() if distance.any() else torch.ones_like(distance)
        drawn = torch.searchsorted(
            weights.cumsum(0), torch.rand(1, generator=generator).double() * weights.sum()
        )
        chosen.append(shapes[drawn.clamp(max=len(shapes) - 1)])
        distance = torch.minimum(distance, 1 - iou_of_shapes(shapes, chosen[-1])[:, 0])
    return torch.cat(chosen)
