"""What the numbers of the last layer mean."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cvbench.boxes import cxcywh_to_xyxy


class Layout(NamedTuple):
    """How the vector is divided: all classes, then all confidences, then all boxes, cell by cell."""

    grid: int
    """Cells a side."""
    boxes: int
    """Of a cell."""
    classes: int

    @property
    def outputs(self) -> int:
        """Numbers in all."""
        return self.grid**2 * (self.classes + 5 * self.boxes)


class Output(NamedTuple):
    """The divided vector; cells are numbered row by row."""

    classes: Float[Tensor, "b cells classes"]
    """Probability of each class, if there is an object."""
    confidence: Float[Tensor, "b cells boxes"]
    """The IoU that the box is believed to have with an object."""
    boxes: Float[Tensor, "b cells boxes 4"]
    """Centre in the cell, in cells; square roots of width and height, in shares of the image."""


def divided(vector: Float[Tensor, "b outputs"], layout: Layout) -> Output:
    """The parts of the last layer's vector, in float32 if they came in half precision."""
    images, cells = len(vector), layout.grid**2
    wide = vector.to(torch.promote_types(vector.dtype, torch.float32))
    lengths = [cells * layout.classes, cells * layout.boxes, cells * layout.boxes * 4]
    classes, confidence, boxes = wide.split_with_sizes(lengths, dim=1)
    return Output(
        classes.reshape(images, cells, layout.classes),
        confidence.reshape(images, cells, layout.boxes),
        boxes.reshape(images, cells, layout.boxes, 4),
    )


def predicted_boxes(
    raw: Float[Tensor, "k 4"], cell: Int64[Tensor, " k"], *, grid: int, height: int, width: int
) -> Float[Tensor, "k 4"]:
    """Corners in pixels of what boxes of these cells say; a side is the square of its number."""
    corner = torch.stack([cell % grid, cell // grid], dim=1)
    shares = torch.cat([(raw[:, :2] + corner) / grid, raw[:, 2:].square()], dim=1)
    return cxcywh_to_xyxy(shares * shares.new_tensor([width, height, width, height]))
