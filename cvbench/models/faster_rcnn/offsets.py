"""Offsets: a box as seen from a reference box, which is what both stages regress."""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

Weights: TypeAlias = tuple[float, float, float, float]

PROPOSAL_WEIGHTS: Final[Weights] = (1.0, 1.0, 1.0, 1.0)
DETECTION_WEIGHTS: Final[Weights] = (10.0, 10.0, 5.0, 5.0)
"""The paper's code divides by the offsets' usual spread, (0.1, 0.1, 0.2, 0.2): it is the same."""

_LIMIT: Final = math.log(1000 / 16)
"""The most that a logarithm of sides may be: an untrained net's would overflow."""


def offsets_of(
    boxes: Float[Tensor, "*n 4"], references: Float[Tensor, "*n 4"], *, weights: Weights
) -> Float[Tensor, "*n 4"]:
    """Centre by the reference's sides, and logarithms of the ratios of sides, each times its weight.

    Source: Girshick et al. 2014 (R-CNN), https://arxiv.org/abs/1311.2524, appendix C.
    """
    sides, centres = _sides_and_centres(boxes)
    own_sides, own_centres = _sides_and_centres(references)
    offsets = torch.cat([(centres - own_centres) / own_sides, (sides / own_sides).log()], dim=-1)
    return offsets * offsets.new_tensor(weights)


def boxes_of(
    offsets: Float[Tensor, "*n 4"], references: Float[Tensor, "*n 4"], *, weights: Weights
) -> Float[Tensor, "*n 4"]:
    """The boxes that these are the offsets of; sides grow to at most 62.5 times the reference's."""
    sides, centres = _sides_and_centres(references)
    moved = offsets / offsets.new_tensor(weights)
    centres = moved[..., :2] * sides + centres
    half = 0.5 * (moved[..., 2:].clamp(max=_LIMIT).exp() * sides)
    return torch.cat([centres - half, centres + half], dim=-1)


def _sides_and_centres(boxes: Tensor) -> tuple[Tensor, Tensor]:
    sides = boxes[..., 2:] - boxes[..., :2]
    return sides, boxes[..., :2] + 0.5 * sides
