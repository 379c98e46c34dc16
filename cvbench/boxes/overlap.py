"""Pairwise overlap of two sets of boxes.

For all measures here and in `pairs`:

- Boxes are corners (x1, y1, x2, y2) in pixels.
- The overlap of a box without area (zero or negative width or height) is 0, never NaN. The same holds for a
  box with a NaN coordinate or an area that is not finite.
- Empty inputs are allowed: (0, 4) against (m, 4) gives (0, m).
- Half precision is computed and returned in float32, because areas overflow it. Integers are computed and
  returned in float32 (up to 16 bits) or float64.
- They are differentiable, in forward and reverse mode; without gradients a kernel computes them.
- The order of operations is part of the definition, `inter / (area_a + area_b - inter)`, so that all
  implementations, and torchvision, are bit-identical.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Real
from torch import Tensor

from cvbench.boxes.dispatch import is_compiled_for
from cvbench.boxes.formats import area, wide


def iou(a: Real[Tensor, "n 4"], b: Real[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    """Intersection over union of every box in `a` with every box in `b`.

    Source: the overlap of PASCAL VOC (Everingham et al. 2010), without its devkit's +1 pixel.

    >>> iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 3.0, 3.0]]))
    tensor([[0.1429]])
    """
    a, b = alike(a, b)
    if is_compiled_for(a, b):
        matrix: Tensor = torch.ops.cvbench.iou(a, b)
        return matrix
    inter = intersection(a[:, None], b[None])
    return share(inter, area(a)[:, None] + area(b)[None] - inter)


def crowd_iou(detections: Real[Tensor, "d 4"], truths: Real[Tensor, "g 4"]) -> Float[Tensor, "d g"]:
    """The share of each detection's area that lies in each truth: COCO's overlap with a crowd region.

    Source: Lin et al. 2014, the evaluation of `iscrowd` objects.

    >>> crowd_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 9.0, 9.0]]))
    tensor([[0.5000]])
    """
    detections, truths = alike(detections, truths)
    if is_compiled_for(detections, truths):
        matrix: Tensor = torch.ops.cvbench.crowd_iou(detections, truths)
        return matrix
    inter = intersection(detections[:, None], truths[None])
    # Adds 0, or NaN if the truth's area is not finite.
    return share(inter, area(detections)[:, None] + area(truths)[None] * 0)


def voc_iou(a: Real[Tensor, "n 4"], b: Real[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    """IoU as in the PASCAL VOC devkit: corners are inclusive pixels, so sides are x2 - x1 + 1.

    A box (x, y, x, y) is one pixel.

    >>> voc_iou(torch.tensor([[1.0, 1.0, 2.0, 2.0]]), torch.tensor([[2.0, 2.0, 3.0, 3.0]]))
    tensor([[0.1429]])
    """
    a, b = alike(a, b)
    if is_compiled_for(a, b):
        matrix: Tensor = torch.ops.cvbench.voc_iou(a, b)
        return matrix
    inter = intersection(a[:, None], b[None], pixel=1.0)
    areas = intersection(a, a, pixel=1.0)[:, None] + intersection(b, b, pixel=1.0)[None]
    return share(inter, areas - inter)


def iou_of_shapes(a: Real[Tensor, "n 2"], b: Real[Tensor, "m 2"]) -> Float[Tensor, "n m"]:
    """IoU of every (width, height) in `a` with every one in `b`, aligned at one corner.

    >>> iou_of_shapes(torch.tensor([[2.0, 2.0]]), torch.tensor([[1.0, 4.0], [2.0, 2.0]]))
    tensor([[0.3333, 1.0000]])
    """
    return iou(torch.cat([torch.zeros_like(a), a], 1), torch.cat([torch.zeros_like(b), b], 1))


def alike(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both sets of boxes in the wider of their types, at least float32."""
    a, b = wide(a), wide(b)
    return (a, b) if a.dtype == b.dtype else (a.double(), b.double())


def intersection(a: Tensor, b: Tensor, pixel: float = 0.0) -> Tensor:
    """Intersection area of two broadcast sets of boxes, with `pixel` added to each side."""
    sides = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    if pixel:
        sides = sides + pixel
    sides = sides.clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def share(part: Tensor, whole: Tensor) -> Tensor:
    """`part / whole`, or 0 (also in the gradient) where that is not positive and finite."""
    sound = (part > 0) & (whole > 0) & (whole < math.inf)
    return torch.where(sound, part, 0) / torch.where(sound, whole, 1)
