"""A random sample of bounded size: most references show nothing, and would outvote the others."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64
from torch import Tensor


class Share(NamedTuple):
    """How large a sample is."""

    size: int
    """Of an image."""
    positive: float
    """The most of it that may be positive."""


class Sample(NamedTuple):
    """Chosen references of each image, as many places for each."""

    reference: Int64[Tensor, "b k"]
    positive: Bool[Tensor, "b k"]
    chosen: Bool[Tensor, "b k"]
    """Whether a place holds a reference: an image can have too few of them."""


def sample(positive: Bool[Tensor, "b n"], negative: Bool[Tensor, "b n"], share: Share) -> Sample:
    """At random, by torch's generator: positives up to their share, and negatives up to the count.

    Where negatives are too few the sample is smaller; positives do not take their places.
    """
    wanted = min(int(share.size * share.positive), positive.shape[1])
    lot = torch.rand(positive.shape, device=positive.device)  # in [0, 1)
    first = torch.where(positive, lot, -1.0).topk(wanted, dim=1)
    second = torch.where(negative, lot, -1.0).topk(min(share.size, positive.shape[1]), dim=1)
    taken = first.values >= 0
    rank = torch.arange(second.values.shape[1], device=lot.device)
    left = share.size - taken.sum(dim=1, keepdim=True)
    filled = (second.values >= 0) & (rank < left)
    return Sample(
        torch.cat([first.indices, second.indices], dim=1),
        torch.cat([taken, torch.zeros_like(filled)], dim=1),
        torch.cat([taken, filled], dim=1),
    )
