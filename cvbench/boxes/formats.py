"""The box formats the field writes, and the one that cvbench computes in: corners.

A box is (x1, y1, x2, y2) in pixels, half-open: its width is x2 - x1, and the box that covers the
pixel at the origin is (0, 0, 1, 1). Convert at the door, then forget the other formats.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def area(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """The area of each box; 0 where its width or its height is zero or negative.

    >>> area(torch.tensor([[0.0, 0.0, 2.0, 3.0], [5.0, 5.0, 4.0, 4.0]]))
    tensor([6., 0.])
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0)
    return sides[:, 0] * sides[:, 1]


def clip(boxes: Float[Tensor, "n 4"], *, height: float, width: float) -> Float[Tensor, "n 4"]:
    """The part of each box that lies in an image of this size; a box outside keeps no area.

    >>> clip(torch.tensor([[-5.0, 2.0, 30.0, 8.0]]), height=10, width=20)
    tensor([[ 0.,  2., 20.,  8.]])
    """
    x1, y1, x2, y2 = boxes.unbind(1)
    corners = (x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height))
    return torch.stack(corners, dim=1)


def xyxy_to_cxcywh(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Corners to centre and size.

    >>> xyxy_to_cxcywh(torch.tensor([[0.0, 0.0, 2.0, 4.0]]))
    tensor([[1., 2., 2., 4.]])
    """
    low, high = boxes[:, :2], boxes[:, 2:]
    return torch.cat([(low + high) / 2, high - low], dim=1)


def cxcywh_to_xyxy(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Centre and size to corners.

    >>> cxcywh_to_xyxy(torch.tensor([[1.0, 2.0, 2.0, 4.0]]))
    tensor([[0., 0., 2., 4.]])
    """
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    return torch.cat([centre - half, centre + half], dim=1)


def xyxy_to_xywh(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Corners to the first corner and size, the format of COCO's files.

    >>> xyxy_to_xywh(torch.tensor([[1.0, 2.0, 3.0, 6.0]]))
    tensor([[1., 2., 2., 4.]])
    """
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1)


def xywh_to_xyxy(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """The first corner and size, the format of COCO's files, to corners.

    >>> xywh_to_xyxy(torch.tensor([[1.0, 2.0, 2.0, 4.0]]))
    tensor([[1., 2., 3., 6.]])
    """
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)
