"""Conversions between the usual box formats and corners, the format of cvbench.

A box is (x1, y1, x2, y2) in pixels, half-open: its width is x2 - x1, and the box that covers the pixel at the
origin is (0, 0, 1, 1). Convert other formats on input.

Integer boxes (uint8, int64 and others) become floats in all of `cvbench.boxes`, so that no sum or product
overflows and no quotient is truncated: see `floating` and `wide`.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Real
from torch import Tensor

_EXACT_IN_FLOAT32 = frozenset({torch.bool, torch.uint8, torch.int8, torch.uint16, torch.int16})


def floating(tensor: Tensor) -> Tensor:
    """The tensor as floats; unchanged if it already is floating point.

    Integers of up to 16 bits become float32, wider ones float64. Both are exact, except for int64 and uint64
    above 2^53.

    >>> floating(torch.tensor([1, 2], dtype=torch.uint8))
    tensor([1., 2.])
    """
    if tensor.dtype.is_floating_point:
        return tensor
    return tensor.float() if tensor.dtype in _EXACT_IN_FLOAT32 else tensor.double()


def wide(tensor: Tensor) -> Tensor:
    """The tensor in a type that can hold areas: half precision becomes float32, integers as in `floating`."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else floating(tensor)


def area(boxes: Real[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """The area of each box; 0 if its width or height is zero or negative.

    float32 for half-precision boxes.

    >>> area(torch.tensor([[0.0, 0.0, 2.0, 3.0], [5.0, 5.0, 4.0, 4.0]]))
    tensor([6., 0.])
    """
    boxes = wide(boxes)
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0)
    return sides[:, 0] * sides[:, 1]


def clip(boxes: Real[Tensor, "n 4"], *, height: float, width: float) -> Float[Tensor, "n 4"]:
    """Clip boxes to an image of this size; a box outside becomes empty.

    >>> clip(torch.tensor([[-5.0, 2.0, 30.0, 8.0]]), height=10, width=20)
    tensor([[ 0.,  2., 20.,  8.]])
    """
    x1, y1, x2, y2 = floating(boxes).unbind(1)
    corners = (x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height))
    return torch.stack(corners, dim=1)


def xyxy_to_cxcywh(boxes: Real[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Corners to center and size.

    >>> xyxy_to_cxcywh(torch.tensor([[0.0, 0.0, 2.0, 4.0]]))
    tensor([[1., 2., 2., 4.]])
    """
    boxes = floating(boxes)
    low, high = boxes[:, :2], boxes[:, 2:]
    return torch.cat([(low + high) / 2, high - low], dim=1)


def cxcywh_to_xyxy(boxes: Real[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Center and size to corners.

    >>> cxcywh_to_xyxy(torch.tensor([[1.0, 2.0, 2.0, 4.0]]))
    tensor([[0., 0., 2., 4.]])
    """
    boxes = floating(boxes)
    center, half = boxes[:, :2], boxes[:, 2:] / 2
    return torch.cat([center - half, center + half], dim=1)


def xyxy_to_xywh(boxes: Real[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Corners to top-left corner and size, the format of COCO files.

    >>> xyxy_to_xywh(torch.tensor([[1.0, 2.0, 3.0, 6.0]]))
    tensor([[1., 2., 2., 4.]])
    """
    boxes = floating(boxes)
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1)


def xywh_to_xyxy(boxes: Real[Tensor, "n 4"]) -> Float[Tensor, "n 4"]:
    """Top-left corner and size, the format of COCO files, to corners.

    >>> xywh_to_xyxy(torch.tensor([[1.0, 2.0, 2.0, 4.0]]))
    tensor([[1., 2., 3., 6.]])
    """
    boxes = floating(boxes)
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)
