"""The grid of predictors, and the conversion of their outputs to boxes in pixels.

A predictor is one prior in one cell of one detection layer. Predictors are numbered by layer (coarse
first), row, column and prior, which is the memory order of channels-last maps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from cvbench.boxes import cxcywh_to_xyxy
from cvbench.models.building import refusal
from cvbench.spec.cell import Option


class Grid(NamedTuple):
    """All predictors for one input size."""

    corner: Float[Tensor, "n 2"]
    """Top left corner of each predictor's cell, (x, y) in pixels."""
    stride: Float[Tensor, "n 1"]
    """Side of each predictor's cell in pixels."""
    prior: Float[Tensor, "n 2"]
    """Width and height of each predictor's prior in pixels."""
    priors: Float[Tensor, "l s 2"]
    """The priors by layer and slot, in pixels."""
    layers: Int64[Tensor, "l 4"]
    """Per layer: columns, rows, side of a cell in pixels, number of the first predictor."""
    height: int
    """Height of the input in pixels."""
    width: int

    @property
    def boxes(self) -> Float[Tensor, "n 4"]:
        """The priors as boxes, each centered in its cell."""
        return cxcywh_to_xyxy(torch.cat([self.corner + self.stride / 2, self.prior], dim=1))

    def predictor(self, prior: Int64[Tensor, " m"], center: Float[Tensor, "m 2"]) -> Int64[Tensor, " m"]:
        """The number of the predictor with prior `prior` (counted over all layers) in the cell of `center`.

        A center on the right or bottom border belongs to the last cell.
        """
        slots = self.priors.shape[1]
        across, down, side, first = self.layers[prior // slots].unbind(1)
        column = (center[:, 0] / side).long().minimum(across - 1)
        row = (center[:, 1] / side).long().minimum(down - 1)
        return first + (row * across + column) * slots + prior % slots


def grid_of(outputs: Sequence[Tensor], *, strides: Sequence[int], priors: Float[Tensor, "l s 2"]) -> Grid:
    """The grid of raw maps of any input size."""
    device = outputs[0].device
    corners, layers, first = [], [], 0
    for output, stride in zip(outputs, strides, strict=True):
        down, across = output.shape[-2:]
        y, x = torch.arange(down, device=device), torch.arange(across, device=device)
        corners.append(torch.cartesian_prod(y, x).flip(1) * stride)  # down·across (x y)
        layers.append([across, down, stride, first])
        first += across * down * priors.shape[1]
    cells = torch.tensor([len(corner) for corner in corners], device=device)
    across, down, stride, _ = layers[0]
    table = torch.tensor(layers, device=device)
    slots = priors.shape[1]
    return Grid(
        corner=torch.cat(corners).float().repeat_interleave(slots, dim=0),
        stride=table[:, 2:3].float().repeat_interleave(cells * slots, dim=0, output_size=first),
        prior=priors.repeat_interleave(cells, dim=0, output_size=first // slots).flatten(0, 1),
        priors=priors,
        layers=table,
        height=down * stride,
        width=across * stride,
    )


def rows(outputs: Sequence[Tensor], *, channels: int) -> Float[Tensor, "b n channels"]:
    """The raw maps with one row per predictor; half precision is converted to float32."""
    flat = [output.permute(0, 2, 3, 1).reshape(len(output), -1, channels) for output in outputs]
    together = torch.cat(flat, dim=1)
    return together.to(torch.promote_types(together.dtype, torch.float32))


def predicted_boxes(
    raw: Float[Tensor, "k 4"], grid: Grid, predictor: Int64[Tensor, " k"]
) -> Float[Tensor, "k 4"]:
    """Predicted boxes, corners in pixels: Fig. 2 of the paper."""
    center = grid.corner[predictor] + raw[:, :2].sigmoid() * grid.stride[predictor]
    side = grid.prior[predictor] * raw[:, 2:].exp()
    return cxcywh_to_xyxy(torch.cat([center, side], dim=1))


Shapes: TypeAlias = Sequence[tuple[float, float]]


def anchors_of(
    model: str, anchors: Option | None, *, default: Shapes, named: Mapping[str, Shapes] | None = None
) -> Shapes:
    """Priors, (width, height) in pixels: given ones, a named set, or the default; checks given ones."""
    if anchors is None:
        return default
    if isinstance(anchors, str) and named and anchors in named:
        return named[anchors]
    given = anchors if isinstance(anchors, list | tuple) else ()
    pairs = [pair for pair in given if isinstance(pair, list | tuple) and len(pair) == 2]
    sides = [side for pair in pairs for side in pair if isinstance(side, int | float)]
    sound = len(sides) == 2 * len(default) and all(0 < side < math.inf for side in sides)
    if not sound or len(given) != len(default):
        words = "".join(f"{name} or " for name in named or ())
        raise refusal(
            model, "anchors", anchors, wanted=f"{words}{len(default)} pairs [width, height] above 0"
        )
    return list(zip(sides[::2], sides[1::2], strict=True))


_INITIAL_OBJECTNESS = 0.01


class DetectionLayer(nn.Conv2d):
    """A 1 x 1 convolution to (tx, ty, tw, th, objectness, one logit per class) for each prior."""

    def __init__(self, incoming: int, *, priors: int, classes: int) -> None:
        super().__init__(incoming, priors * (5 + classes), 1)
        nn.init.normal_(self.weight, std=0.01)
        bias = torch.zeros(priors, 5 + classes)
        bias[:, 4] = math.log(_INITIAL_OBJECTNESS / (1 - _INITIAL_OBJECTNESS))
        self.bias = nn.Parameter(bias.flatten())
