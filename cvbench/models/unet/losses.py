"""The Dice loss, which a U-Net may descend beside the cross entropy."""

from __future__ import annotations

from jaxtyping import Float, Int64
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
