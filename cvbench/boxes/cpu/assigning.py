"""The threshold assigner: one pass over the overlaps, object by object, for blocks of priors."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cvbench.boxes.jit import compiled
from cvbench.boxes.threads import share

WORTH_SHARING = 1 << 15
"""Minimum number of pairs for several threads."""

AT_ONCE = 2048
"""Priors per block, so that their state stays in the CPU cache."""


def assign(
    overlaps: Tensor,
    positive: float,
    negative: float,
    low_quality: bool,  # noqa: FBT001, operators take positional arguments
) -> tuple[Tensor, Tensor, Tensor]:
    """As `cvbench.boxes.reference.assign`."""
    images, priors, objects = overlaps.shape
    truth = torch.zeros(images, priors, dtype=torch.int64)
    is_positive, is_negative = (torch.zeros_like(truth, dtype=torch.bool) for _ in range(2))
    by_object = overlaps.mT.contiguous()
    tops = by_object.amax(dim=-1) if low_quality else by_object.new_full((images, objects), torch.nan)
    of_type = by_object.numpy().dtype.type
    sides = by_object.numpy(), tops.numpy(), of_type(positive), of_type(negative)
    out = truth.numpy(), is_positive.numpy(), is_negative.numpy()
    share(best_objects, priors, *sides, *out, worth=overlaps.numel() >= WORTH_SHARING)
    return truth, is_positive, is_negative


@compiled
def best_objects(  # noqa: PLR0913, PLR0917, a kernel takes arrays one by one
    overlaps: Float[np.ndarray, "b m n"],
    tops: Float[np.ndarray, "b m"],
    positive: float,
    negative: float,
    truth: Int64[np.ndarray, "b n"],
    is_positive: Bool[np.ndarray, "b n"],
    is_negative: Bool[np.ndarray, "b n"],
    start: int,
    stop: int,
) -> None:
    """Write the assignment of priors `start` to `stop` of each image; `tops` has each object's best IoU."""
    zero = overlaps.dtype.type(0)
    for image in range(len(overlaps)):
        for first in range(start, stop, AT_ONCE):
            block = slice(first, min(first + AT_ONCE, stop))
            best, index = overlaps[image, 0, block].copy(), truth[image, block]
            forced, below = is_positive[image, block], is_negative[image, block]
            for m in range(overlaps.shape[1]):
                row, top = overlaps[image, m, block], tops[image, m]
                for i in range(len(row)):
                    more = (row[i] > best[i]) | ((row[i] != row[i]) & (best[i] == best[i]))  # NaN is highest
                    best[i] = row[i] if more else best[i]
                    index[i] = m if more else index[i]
                    forced[i] |= (row[i] == top) & (row[i] > zero)
            for i in range(len(best)):
                forced[i] |= best[i] >= positive
                below[i] = ~forced[i] & (best[i] < negative)
