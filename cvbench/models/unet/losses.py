"""The losses that U-Net can add to the cross entropy: Dice loss and gap weights."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64, UInt8
from scipy import ndimage
from torch import Tensor

from cvbench.values import VOID


def dice_loss(logits: Float[Tensor, "b classes h w"], labels: Int64[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """1 - Dice of the softmax, averaged over the classes that occur in the batch's labels.

    Dice of a class is twice the probability on its own pixels, divided by the sum of its probability on all
    pixels and its number of pixels; `VOID` pixels are ignored. Small classes have the same weight as large
    ones, so they are learned sooner than with the cross entropy alone.

    Source: V-Net (Milletari, Navab, Ahmadi 2016, section 3), without the squares in the denominator.
    """
    counted = labels != VOID
    named = labels.where(counted, 0)
    likely = logits.softmax(dim=1) * counted[:, None]
    # The probability of each pixel's own class, summed by class, without a tensor of classes x pixels.
    own = likely.gather(1, named[:, None]).flatten()
    none = own.new_zeros(logits.shape[1])
    overlap = none.index_add(0, named.flatten(), own)
    pixels = none.index_add(0, named.flatten(), counted.flatten().to(own.dtype))
    occurs = pixels > 0
    dice = 2 * overlap / (likely.sum(dim=(0, 2, 3)) + pixels.clamp(min=1))
    return ((1 - dice) * occurs).sum() / occurs.sum().clamp(min=1)


_SIGMA = 5.0
_FAR = 1e6
"""Pixels between the images of a batch: too far for any weight."""


def gap_weights(labels: UInt8[Tensor, "b h w"]) -> Float32[Tensor, "b h w"]:
    """exp(-(d1 + d2)^2 / (2 5^2)): d1 and d2 are a pixel's distances to its two nearest cells, in pixels.

    A cell is a region of one class, neither background nor `VOID`, whose pixels are connected by their
    edges. The distance is 0 inside a cell and 1 at a pixel adjacent to it. In an image with fewer than two
    cells the weight is 0.

    Source: the paper, equation 2, without w_c and w_0; sigma is its 5 pixels.
    """
    cells = _cells(labels.cpu().numpy())
    if not cells.any():
        return torch.zeros(labels.shape)
    nearest, first = _nearest(cells)
    # Two numbers differ in at least one bit. So the second nearest cell is, over all bits, the nearest
    # one that differs from the nearest cell in that bit: two transforms per bit, no loop over cells.
    second = np.full(cells.shape, np.inf)
    for bit in range(int(cells.max()).bit_length()):
        ones = (nearest >> bit) & 1
        for value in (0, 1):
            others = (cells > 0) & ((cells >> bit) & 1 == value)
            if others.any():
                second = np.where(ones != value, np.minimum(second, _distance(others)), second)
    gap = np.exp(-((first + second) ** 2) / (2 * _SIGMA**2))
    return torch.from_numpy(gap.astype(np.float32))


def _cells(labels: UInt8[np.ndarray, "b h w"]) -> Int64[np.ndarray, "b h w"]:
    """The number of each pixel's cell, from 1 in each image; 0 for pixels outside all cells.

    Separates classes by walls: the map is doubled, and a position between two neighbors is open only if
    both have one class.
    """
    b, h, w = labels.shape
    solid = (labels != 0) & (labels != VOID)
    doubled = np.zeros((b, 2 * h - 1, 2 * w - 1), dtype=bool)
    doubled[:, ::2, ::2] = solid
    doubled[:, 1::2, ::2] = solid[:, 1:] & (labels[:, 1:] == labels[:, :-1])
    doubled[:, ::2, 1::2] = solid[:, :, 1:] & (labels[:, :, 1:] == labels[:, :, :-1])
    flat = ndimage.generate_binary_structure(2, 1)
    cells: np.ndarray = ndimage.label(doubled, np.stack([0 * flat, flat, 0 * flat]))[0][:, ::2, ::2]
    # Numbers are consecutive over the batch; subtract the count of the images before.
    highest = np.maximum.accumulate(cells.reshape(b, -1).max(axis=1))
    before = np.concatenate([[0], highest[:-1]])[:, None, None]
    return np.where(cells > 0, cells - before, 0).astype(np.int64)


def _nearest(
    cells: Int64[np.ndarray, "b h w"],
) -> tuple[Int64[np.ndarray, "b h w"], Float64[np.ndarray, "b h w"]]:
    """The number of the nearest cell at each pixel, and the distance to it in pixels."""
    distance, (image, row, column) = ndimage.distance_transform_edt(
        cells == 0, sampling=(_FAR, 1, 1), return_indices=True
    )
    return cells[image, row, column], distance


def _distance(cells: np.ndarray) -> np.ndarray:
    distance: np.ndarray = ndimage.distance_transform_edt(~cells, sampling=(_FAR, 1, 1))
    return distance
