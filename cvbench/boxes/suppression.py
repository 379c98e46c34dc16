"""Non-maximum suppression: of boxes that overlap, the best one stays.

What holds for both forms:

- Greedy, in score order; among equal scores the box that comes first in the input goes first.
- A box suppresses another if their IoU is strictly greater than the threshold: the IoU in the
  boxes' type (float32 for half precision) against the threshold as a double, as torchvision
  compares on the CPU. An IoU of 3/5 in float32 is 0.60000002, which is above 0.6.
- Boxes of different `groups` never meet. One call serves every class (`groups=labels`) and a whole
  batch of images (`groups=images * classes + labels`).
- A box without area or with a NaN coordinate overlaps nothing, so it stays. A NaN score ranks
  nowhere, so its box never stays.
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
    """What soft-NMS keeps: indices into its input, best first, and the scores it lowered."""

    indices: Int64[Tensor, " k"]
    scores: Float[Tensor, " k"]


def nms(
    boxes: Real[Tensor, "n 4"],
    scores: Real[Tensor, " n"],
    threshold: float,
    *,
    groups: Int64[Tensor, " n"] | None = None,
) -> Int64[Tensor, " k"]:
    """Indices of the boxes that greedy suppression keeps, in score order.

    A threshold outside of 0 to 1 is a ValueError.

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
    """Whether `nms` keeps each box: its answer in a shape that does not depend on the values.

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
    """Suppression that lowers scores instead of dropping boxes, in order of the lowered scores.

    Each box that is picked multiplies the scores of those still waiting: by 1 - IoU where the IoU is
    above `threshold` (linear), or by exp(-IoU² / sigma) everywhere (gaussian). What then lies below
    `score_threshold` is dropped. Scores are lowered in float64 and returned in their own type, half
    precision in float32. A negative threshold, or a sigma that is not positive, is a ValueError.

    Source: Bodla et al. 2017, https://arxiv.org/abs/1704.04503, equations 2 and 3.

    >>> boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0]])
    >>> soft_nms(boxes, torch.tensor([0.8, 0.9]))
    SoftKept(indices=tensor([1, 0]), scores=tensor([0.9000, 0.1600]))
    """
    strength = threshold if method == "linear" else sigma
    if not (strength > 0 or (method == "linear" and strength == 0)):
        raise ValueError(f"scores cannot be lowered by the {method} method with {strength}")
    if not score_threshold >= 0:
        raise ValueError(f"scores are lowered towards 0 and never fall below {score_threshold}")
    boxes, scores = wide(boxes), wide(scores)
    rule = (method, strength, score_threshold)
    if is_compiled_for(boxes, scores):
        return SoftKept(*torch.ops.cvbench.soft_nms(boxes, scores, *rule, groups))
    return SoftKept(*reference.soft_nms(boxes, scores, *rule, groups))


def _require_threshold(threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise ValueError(f"an IoU lies between 0 and 1, so {threshold} is no threshold for it")
