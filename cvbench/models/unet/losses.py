"""The Dice loss, which a U-Net may descend beside the cross entropy."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64, UInt8
from scipy import ndimage
from torch import Tensor

from cvbench.values import VOID


def dice_loss(logits: Float[Tensor, "b classes h w"], labels: Int64[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """1 - Dice of the softmax, as the mean over the classes that occur in the batch's labels.

    Dice of a class is twice the probability on its own pixels over the sum of the probability on all
    counted pixels and the number of its own; `VOID` pixels count nowhere. Small classes weigh as much
    as large ones, so a net learns them sooner than from the cross entropy alone.

    Source: V-Net (Milletari, Navab, Ahmadi 2016, section 3), without its squares in the denominator.
    """
    counted = labels != VOID
    named = labels.where(counted, 0)
    likely = logits.softmax(dim=1) * counted[:, None]
    # Each pixel's probability of its own class, summed by class: no map of classes x pixels is built.
    own = likely.gather(1, named[:, None]).flatten()
    none = own.new_zeros(logits.shape[1])
    overlap = none.index_add(0, named.flatten(), own)
    pixels = none.index_add(0, named.flatten(), counted.flatten().to(own.dtype))
    occurs = pixels > 0
    dice = 2 * overlap / (likely.sum(dim=(0, 2, 3)) + pixels.clamp(min=1))
    return ((1 - dice) * occurs).sum() / occurs.sum().clamp(min=1)


_SIGMA = 5.0
_FAR = 1e6
"""Pixels between one image of a batch and the next: beyond the reach of any weight."""


def gap_weights(labels: UInt8[Tensor, "b h w"]) -> Float32[Tensor, "b h w"]:
    """exp(-(d1 + d2)^2 / (2 5^2)): d1 and d2 are a pixel's distances to the two cells nearest to it.

    A cell is a region of one class, not the background and not `VOID`, whose pixels hang together by
    their edges. Within a cell its distance is 0; a pixel beside it has 1. Where an image has fewer
    than two cells there is no gap, and the weight is 0.

    Source: the paper, equation 2, without w_c and w_0; sigma is its 5 pixels.
    """
    cells = _cells(labels.cpu().numpy())
    if not cells.any():
        return torch.zeros(labels.shape)
    nearest, first = _nearest(cells)
    # Two numbers differ in at least one bit. So the nearest other cell is, over all bits, the nearest
    # of those cells that differ from the nearest one there: no loop over cells, two transforms a bit.
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
    """The number of each pixel's cell, from 1 in each image; 0 for none.

    Between pixels of different classes a wall is put: the map is doubled, and the places between two
    neighbours are open only where both have one class.
    """
    b, h, w = labels.shape
    solid = (labels != 0) & (labels != VOID)
    doubled = np.zeros((b, 2 * h - 1, 2 * w - 1), dtype=bool)
    doubled[:, ::2, ::2] = solid
    doubled[:, 1::2, ::2] = solid[:, 1:] & (labels[:, 1:] == labels[:, :-1])
    doubled[:, ::2, 1::2] = solid[:, :, 1:] & (labels[:, :, 1:] == labels[:, :, :-1])
    flat = ndimage.generate_binary_structure(2, 1)
    cells: np.ndarray = ndimage.label(doubled, np.stack([0 * flat, flat, 0 * flat]))[0][:, ::2, ::2]
    # Numbers rise from image to image: those of the images before are taken off.
    highest = np.maximum.accumulate(cells.reshape(b, -1).max(axis=1))
    before = np.concatenate([[0], highest[:-1]])[:, None, None]
    return np.where(cells > 0, cells - before, 0).astype(np.int64)


def _nearest(
    cells: Int64[np.ndarray, "b h w"],
) -> tuple[Int64[np.ndarray, "b h w"], Float64[np.ndarray, "b h w"]]:
    """The number of the cell nearest to each pixel, and its distance."""
    distance, (image, row, column) = ndimage.distance_transform_edt(
        cells == 0, sampling=(_FAR, 1, 1), return_indices=True
    )
    return cells[image, row, column], distance


def _distance(cells: np.ndarray) -> np.ndarray:
    distance: np.ndarray = ndimage.distance_transform_edt(~cells, sampling=(_FAR, 1, 1))
    return distance
