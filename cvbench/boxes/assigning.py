"""Assignment of priors (anchors) to objects by IoU thresholds, for the training of detectors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64, Real
from torch import Tensor

from cvbench.boxes import reference
from cvbench.boxes.dispatch import is_compiled_for
from cvbench.boxes.formats import wide


class Assignment(NamedTuple):
    """Training targets of the priors; a prior that is neither positive nor negative is ignored."""

    truth: Int64[Tensor, "*b n"]
    """The object with the highest IoU, meaningful where `positive`; 0 without objects."""
    positive: Bool[Tensor, "*b n"]
    negative: Bool[Tensor, "*b n"]

    @property
    def ignored(self) -> Tensor:
        """Priors between the thresholds: neither positive nor negative."""
        return ~(self.positive | self.negative)


def assign(
    overlaps: Real[Tensor, "*b n m"],
    *,
    positive: float = 0.7,
    negative: float = 0.3,
    low_quality: bool = True,
) -> Assignment:
    """Assign priors to objects by their IoU, `overlaps[prior, object]`.

    A prior is positive if its highest IoU is at least `positive`, negative if it is below `negative`.
    With `low_quality`, each object's best priors (all that share its highest IoU, unless that is 0) are
    positive too; their target is still the object with which they have the highest IoU, which can be
    another one. In a tie a prior's object is the first. Without objects every prior is negative. Images of a
    batch are assigned together; a padding object must have IoU 0 with every prior.

    Source: Ren et al. 2015, https://arxiv.org/abs/1506.01497, section 3.1.2.

    >>> assign(torch.tensor([[0.8, 0.0], [0.1, 0.2], [0.1, 0.1]]))
    Assignment(truth=tensor([0, 1, 0]), positive=tensor([ True,  True, False]),
        negative=tensor([False, False,  True]))
    """
    if 0 in overlaps.shape:
        none = torch.zeros(overlaps.shape[:-1], dtype=torch.bool, device=overlaps.device)
        return Assignment(torch.zeros_like(none, dtype=torch.int64), none, ~none)
    flat = wide(overlaps.detach()).reshape(-1, *overlaps.shape[-2:])
    # On CUDA the torch reference is parallel, and torch.compile can fuse it.
    rule = torch.ops.cvbench.assign if is_compiled_for(flat) and not flat.is_cuda else reference.assign
    assigned = rule(flat, positive, negative, low_quality)
    return Assignment(*(side.reshape(overlaps.shape[:-1]) for side in assigned))
