"""Non-maximum suppression (NMS) and soft-NMS.

For both:

- Greedy, in score order; in a tie the box that is first in the input goes first.
- A box suppresses another if their IoU is strictly greater than the threshold: the IoU in the
  boxes' type (float32 for half precision), the threshold in float64, as in torchvision on the CPU.
  An IoU of 3/5 in float32 is 0.60000002, which is above 0.6.
- Boxes of different `groups` do not suppress each other. One call handles all classes (`groups=labels`) or
  a batch of images (`groups=images * classes + labels`).
- A box without area or with a NaN coordinate overlaps nothing and is kept. A box with a NaN score is dropped.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64, Real
from torch import Tensor

from cvbench.boxes import reference
from cvbench.boxes.dispatch import is_compiled_for
from cvbench.boxes.formats import wide


class SoftKept(NamedTuple):
    """Result of soft-NMS: indices of the kept boxes, best first, and their lowered scores."""

    indices: Int64[Tensor, " k"]
    scores: Float[Tensor, " k"]


def nms(
    boxes: Real[Tensor, "n 4"],
    scores: Real[Tensor, " n"],
    threshold: float,
    *,
    groups: Int64[Tensor, " n"] | None = None,
) -> Int64[Tensor, " k"]:
    """Indices of the boxes that greedy NMS keeps, in score order.

    Raises ValueError for a threshold outside 0 to 1.

    >>> boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0], [9.0, 9.0, 10.0, 10.0]])
    >>> nms(boxes, torch.tensor([0.8, 0.9, 0.7]), 0.5)
    tensor([1, 2])
    """
    _require_threshold(threshold)
    boxes, scores = wide(boxes.detach()), wide(scores.detach())
    if is_compiled_for(boxes, scores):
        kept: Tensor = torch.ops.cvbench.nms(boxes, scores, threshold, groups)
        return kept
    return reference.nms(boxes, scores, threshold, groups)


def survives_nms(
    boxes: Real[Tensor, "n 4"],
    scores: Real[Tensor, " n"],
    threshold: float,
    *,
    groups: Int64[Tensor, " n"] | None = None,
) -> Bool[Tensor, " n"]:
    """Whether `nms` keeps each box; the output shape does not depend on the values.

    >>> boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0], [9.0, 9.0, 10.0, 10.0]])
    >>> survives_nms(boxes, torch.tensor([0.8, 0.9, 0.7]), 0.5)
    tensor([False,  True,  True])
    """
    _require_threshold(threshold)
    boxes, scores = wide(boxes.detach()), wide(scores.detach())
    if is_compiled_for(boxes, scores):
        stays: Tensor = torch.ops.cvbench.survives_nms(boxes, scores, threshold, groups)
        return stays
    kept = nms(boxes, scores, threshold, groups=groups)
    return torch.zeros_like(scores, dtype=torch.bool).index_fill_(0, kept, True)


def soft_nms(
    boxes: Real[Tensor, "n 4"],
    scores: Real[Tensor, " n"],
    *,
    method: Literal["linear", "gaussian"] = "linear",
    threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 0.001,
    groups: Int64[Tensor, " n"] | None = None,
) -> SoftKept:
    """Soft-NMS: lowers the scores of overlapping boxes instead of dropping them.

    Boxes are picked in order of their lowered scores. Each picked box multiplies the remaining scores by
    1 - IoU where the IoU is above `threshold` (linear), or by exp(-IoU² / sigma) (gaussian). Boxes below
    `score_threshold` are dropped. Scores are lowered in float64 and returned in their own type (half
    precision in float32). Raises ValueError for a negative `threshold` or `score_threshold`, or a `sigma`
    that is not positive.

    Source: Bodla et al. 2017, https://arxiv.org/abs/1704.04503, equations 2 and 3.

    >>> boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0]])
    >>> soft_nms(boxes, torch.tensor([0.8, 0.9]))
    SoftKept(indices=tensor([1, 0]), scores=tensor([0.9000, 0.1600]))
    """
    strength = threshold if method == "linear" else sigma
    if not (strength > 0 or (method == "linear" and strength == 0)):
        name, bound = ("threshold", "not be negative") if method == "linear" else ("sigma", "be positive")
        raise ValueError(f"{name} must {bound}, not {strength}")
    if not score_threshold >= 0:
        raise ValueError(f"score_threshold must not be negative, not {score_threshold}")
    boxes, scores = wide(boxes), wide(scores)
    rule = (method, strength, score_threshold)
    if is_compiled_for(boxes, scores):
        return SoftKept(*torch.ops.cvbench.soft_nms(boxes, scores, *rule, groups))
    return SoftKept(*reference.soft_nms(boxes, scores, *rule, groups))


def _require_threshold(threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be from 0 to 1, not {threshold}")
