"""What both stages are trained with."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor


class StageLoss(NamedTuple):
    """One stage's two terms."""

    classes: Float[Tensor, ""]
    box: Float[Tensor, ""]


def proposal_loss(
    objectness: Float[Tensor, "b k"],
    offsets: Float[Tensor, "b k 4"],
    *,
    targets: Float[Tensor, "b k 4"],
    positive: Bool[Tensor, "b k"],
    chosen: Bool[Tensor, "b k"],
    beta: float,
) -> StageLoss:
    """Binary cross entropy of the sample, and smooth L1 of its positives, both by the sample's size."""
    size = chosen.sum().clamp(min=1)
    belief = F.binary_cross_entropy_with_logits(
        objectness, positive.to(objectness), weight=chosen.to(objectness), reduction="sum"
    )
    distance = F.smooth_l1_loss(offsets, targets, beta=beta, reduction="none")
    return StageLoss(belief / size, (distance * positive[..., None]).sum() / size)


def detection_loss(
    logits: Float[Tensor, "n k"],
    offsets: Float[Tensor, "n k 4"],
    *,
    targets: Float[Tensor, "n 4"],
    category: Int64[Tensor, " n"],
    beta: float,
) -> StageLoss:
    """Cross entropy, and smooth L1 of the offsets of the true class, both by the number of regions.

    Category 0 is the background, which has no box.
    """
    size = max(len(category), 1)
    named = F.cross_entropy(logits, category, reduction="sum")
    own = offsets.gather(1, category[:, None, None].expand(-1, 1, 4)).squeeze(1)
    distance = F.smooth_l1_loss(own, targets, beta=beta, reduction="none")
    return StageLoss(named / size, (distance * (category > 0)[:, None]).sum() / size)
