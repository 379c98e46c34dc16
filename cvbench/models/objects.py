"""The objects of a batch that a detector is to learn, laid end to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from cvbench.boxes import clip
from cvbench.values import Detections


class Objects(NamedTuple):
    """Each with a box that has an area."""

    image: Int64[Tensor, " m"]
    boxes: Float[Tensor, "m 4"]
    label: Int64[Tensor, " m"]


def objects_to_learn(
    truths: Sequence[Detections], *, height: int, width: int, device: torch.device
) -> Objects:
    """The learnable objects of the truths, cut at the border of the input.

    An object is what of it lies in the input. One without area, a crowd and a difficult one are left out.
    """
    image = torch.arange(len(truths)).repeat_interleave(torch.tensor([len(truth) for truth in truths]))
    boxes = clip(torch.cat([truth.boxes for truth in truths]).float(), height=height, width=width)
    learnt = torch.cat([_learnable(truth) for truth in truths]) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    label = torch.cat([truth.labels for truth in truths])
    # Chosen where the truths are, which is the CPU while training: a GPU would have to be waited for.
    image = image.to(boxes.device)
    return Objects(image[learnt].to(device), boxes[learnt].to(device), label[learnt].to(device))


def one_each(
    place: Int64[Tensor, " m"], *, places: int, keep: Literal["first", "last"]
) -> Bool[Tensor, " m"]:
    """Which objects hold their place, where a place is for one: the first in the truth, or the last.

    >>> one_each(torch.tensor([4, 2, 4]), places=5, keep="last")
    tensor([False,  True,  True])
    """
    rank = torch.arange(len(place), device=place.device)
    if keep == "last":
        holder = rank.new_full((places,), -1).scatter_reduce_(0, place, rank, "amax")
    else:
        holder = rank.new_full((places,), len(place)).scatter_reduce_(0, place, rank, "amin")
    holds: Tensor = holder[place] == rank
    return holds


def _learnable(truth: Detections) -> Bool[Tensor, " m"]:
    """Which objects are neither a crowd nor difficult."""
    learnt = torch.ones_like(truth.labels, dtype=torch.bool)
    for mark in (truth.crowd, truth.difficult):
        if mark is not None:
            learnt &= ~mark
    return learnt
