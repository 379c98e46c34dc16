"""What the net gives, and what its forms differ in."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from cvbench.models.faster_rcnn.rpn import Limits
from cvbench.models.faster_rcnn.sampling import Share


class Outputs(NamedTuple):
    """Raw outputs; levels fine first. What only the other mode reads is empty: see each field."""

    objectness: tuple[Float[Tensor, "b _ _ _"], ...]
    """A logit for each anchor of a cell."""
    offsets: tuple[Float[Tensor, "b _ _ _"], ...]
    """Four for each anchor of a cell."""
    maps: tuple[Float[Tensor, "b _ _ _"], ...]
    """What regions are pooled from; without channels in evaluation."""
    proposals: Float[Tensor, "b p 4"]
    """Rows without area are none. None at all in training, where the loss finds its own."""
    logits: Float[Tensor, "b p k"]
    """Of each proposal's classes, the background first; no proposals in training."""
    refinements: Float[Tensor, "b p k 4"]
    """Each proposal's offsets, for each class; no proposals in training."""


class Rules(NamedTuple):
    """What a form learns from, and how much it looks at."""

    training: Limits
    evaluation: Limits
    anchors: Share
    """Of an image's anchors, those that the first stage learns from."""
    regions: Share
    """Of an image's proposals and objects, those that the second stage learns from."""
    beta: float
    """Where the second stage's smooth L1 turns from a parabola into a line; the first's is at 1/9."""
    across_border: bool
    """Whether anchors that leave the image are learnt from."""
    suppression: float = 0.7
    """Of two proposals of a level whose IoU is above it, the one with the higher objectness."""
