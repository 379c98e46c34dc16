"""Anchor grids, and anchor shapes by k-means."""

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
    """Anchors of a feature map of `size` (height, width) cells, in image pixels.

    Every cell has one anchor per size and ratio: `sizes` are square roots of areas, `ratios` are height /
    width. The order is rows, columns, sizes, ratios. `offset` is the position of the center in its cell: 0.5
    is the middle, 0 the top-left corner (as in Faster R-CNN's code). With `whole`, half sides are rounded to
    whole pixels, as in torchvision.

    Source: Ren et al. 2015, https://arxiv.org/abs/1506.01497, section 3.1.1.

    >>> grid_anchors((1, 2), 16, sizes=[8])
    tensor([[ 4.,  4., 12., 12.],
            [20.,  4., 28., 12.]])
    """
    height, width = size
    y = (torch.arange(height, device=device) + offset) * stride
    x = (torch.arange(width, device=device) + offset) * stride
    centers = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).flip(-1)  # h w (x y)
    side = torch.tensor(sizes, dtype=torch.float32, device=device)[:, None]
    root = torch.tensor(ratios, dtype=torch.float32, device=device).sqrt()[None]
    half = torch.stack([side / root, side * root], dim=-1).reshape(-1, 2) / 2  # s·r (w h)
    half = half.round() if whole else half
    centers = centers.reshape(-1, 1, 2).to(half)
    return torch.cat([centers - half, centers + half], dim=-1).reshape(-1, 4)


class Priors(NamedTuple):
    """Shapes (width, height) by rising area, and the mean IoU of the data with the best shape."""

    shapes: Float[Tensor, "k 2"]
    mean_best_iou: float


def kmeans_priors(shapes: Float[Tensor, "n 2"], k: int, *, seed: int = 0, iterations: int = 100) -> Priors:
    """Cluster (width, height) shapes into `k` priors, by k-means with distance 1 - IoU.

    Starts from k-means++ and stops when no shape changes its cluster, or after `iterations` iterations.
    Shapes that are not finite or have no area are ignored. Raises ValueError if `k` is below 1 or there are
    fewer than `k` shapes.

    Source: Redmon and Farhadi 2017 (YOLO9000), https://arxiv.org/abs/1612.08242, section 2.
    """
    shapes = shapes[(shapes > 0).all(1) & shapes.isfinite().all(1)].double()
    if not 1 <= k <= len(shapes):
        raise ValueError(f"k is {k}, but only {len(shapes)} shapes have an area")
    generator = torch.Generator().manual_seed(seed)
    centers = _spread(shapes, k, generator)
    nearest = torch.full((len(shapes),), -1)
    for _ in range(iterations):
        before, nearest = nearest, iou_of_shapes(shapes, centers).argmax(dim=1)
        if torch.equal(before, nearest):
            break
        counts = nearest.bincount(minlength=k)[:, None]
        sums = torch.zeros_like(centers).index_add_(0, nearest, shapes)
        centers = torch.where(counts > 0, sums / counts.clamp(min=1), centers)
    centers = centers[centers.prod(dim=1).argsort(stable=True)]
    quality = iou_of_shapes(shapes, centers).amax(dim=1).mean().item()
    return Priors(centers.float(), quality)


def _spread(shapes: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """k-means++ seeds, sampled in proportion to the squared distance to the seeds chosen so far."""
    first = torch.randint(len(shapes), (1,), generator=generator)
    chosen = [shapes[first]]
    distance = 1 - iou_of_shapes(shapes, chosen[0])[:, 0]
    while len(chosen) < k:
        # With fewer than k distinct shapes all distances are 0: any shape will do.
        weights = distance.square() if distance.any() else torch.ones_like(distance)
        drawn = torch.searchsorted(
            weights.cumsum(0), torch.rand(1, generator=generator).double() * weights.sum()
        )
        chosen.append(shapes[drawn.clamp(max=len(shapes) - 1)])
        distance = torch.minimum(distance, 1 - iou_of_shapes(shapes, chosen[-1])[:, 0])
    return torch.cat(chosen)
