"""How much boxes overlap: the pairwise measures, and those of pairs that losses descend.

What holds for all of them:

- Boxes are corners (x1, y1, x2, y2) in pixels.
- A box without area (zero or negative width or height) overlaps nothing: 0, never NaN. Likewise a
  box with a NaN coordinate, and one so large that its area is no finite number.
- No boxes is not an error: (0, 4) against (m, 4) gives (0, m).
- Half precision is computed and returned in float32: areas overflow it.
- The order of operations is part of the definition, `inter / (area_a + area_b - inter)`, so that
  every face gives the same bits, and torchvision's too.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from cvbench.boxes.formats import area


def iou(a: Float[Tensor, "n 4"], b: Float[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    """Intersection over union of every box in `a` with every box in `b`.

    Source: the overlap of PASCAL VOC (Everingham et al. 2010), without its devkit's +1 pixel.

    >>> iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 3.0, 3.0]]))
    tensor([[0.1429]])
    """
    a, b = _wide(a), _wide(b)
    inter = _intersection(a[:, None], b[None])
    return _share(inter, area(a)[:, None] + area(b)[None] - inter)


def crowd_iou(detections: Float[Tensor, "d 4"], truths: Float[Tensor, "g 4"]) -> Float[Tensor, "d g"]:
    """The share of every detection that lies in every truth: COCO's overlap with a crowd region.

    Source: Lin et al. 2014, the evaluation of `iscrowd` objects.

    >>> crowd_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 9.0, 9.0]]))
    tensor([[0.5000]])
    """
    detections, truths = _wide(detections), _wide(truths)
    inter = _intersection(detections[:, None], truths[None])
    return _share(inter, area(detections)[:, None].expand_as(inter))


def voc_iou(a: Float[Tensor, "n 4"], b: Float[Tensor, "m 4"]) -> Float[Tensor, "n m"]:
    """IoU as the PASCAL VOC devkit counts it: corners are pixels inside the box, so sides are +1.

    A box (x, y, x, y) is one pixel here, and has area.

    >>> voc_iou(torch.tensor([[1.0, 1.0, 2.0, 2.0]]), torch.tensor([[2.0, 2.0, 3.0, 3.0]]))
    tensor([[0.1429]])
    """
    a, b = _wide(a), _wide(b)
    inter = _intersection(a[:, None], b[None], pixel=1.0)
    areas = _intersection(a, a, pixel=1.0)[:, None] + _intersection(b, b, pixel=1.0)[None]
    return _share(inter, areas - inter)


def iou_of_shapes(a: Float[Tensor, "n 2"], b: Float[Tensor, "m 2"]) -> Float[Tensor, "n m"]:
    """IoU of every (width, height) in `a` with every one in `b`, laid on the same corner.

    >>> iou_of_shapes(torch.tensor([[2.0, 2.0]]), torch.tensor([[1.0, 4.0], [2.0, 2.0]]))
    tensor([[0.3333, 1.0000]])
    """
    return iou(torch.cat([torch.zeros_like(a), a], 1), torch.cat([torch.zeros_like(b), b], 1))


def iou_of_pairs(a: Float[Tensor, "n 4"], b: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """Intersection over union of each box in `a` with its partner in `b`.

    >>> iou_of_pairs(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 3.0, 3.0]]))
    tensor([0.1429])
    """
    a, b = _wide(a), _wide(b)
    inter = _intersection(a, b)
    return _share(inter, area(a) + area(b) - inter)


def giou(a: Float[Tensor, "n 4"], b: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """Generalised IoU of each pair: IoU less the share of the enclosing box that is in neither.

    In (-1, 1]. Source: Rezatofighi et al. 2019, https://arxiv.org/abs/1902.09630, equation 6.

    >>> giou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]]))
    tensor([-0.3333])
    """
    a, b = _wide(a), _wide(b)
    inter = _intersection(a, b)
    union = area(a) + area(b) - inter
    sides = _enclosing(a, b)
    hull = sides[:, 0] * sides[:, 1]
    return _share(inter, union) - _share(hull - union, hull)


def diou(a: Float[Tensor, "n 4"], b: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """Distance IoU of each pair: IoU less the squared distance of centres over the hull's diagonal.

    In (-1, 1]. Source: Zheng et al. 2020, https://arxiv.org/abs/1911.08287, equation 7.

    >>> diou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]]))
    tensor([-0.4000])
    """
    a, b = _wide(a), _wide(b)
    centres = (a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2
    return iou_of_pairs(a, b) - _share(centres.square().sum(1), _enclosing(a, b).square().sum(1))


def ciou(a: Float[Tensor, "n 4"], b: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """Complete IoU of each pair: distance IoU less a weighted difference of aspect ratios.

    The weight is held constant in the gradient, as the paper trains it. A box without width or
    height has no aspect: the third term is 0 there.
    Source: Zheng et al. 2020, https://arxiv.org/abs/1911.08287, equations 9 to 11.

    >>> same = torch.tensor([[0.0, 0.0, 2.0, 1.0]])
    >>> ciou(same, same)
    tensor([1.])
    """
    a, b = _wide(a), _wide(b)
    overlap = iou_of_pairs(a, b)
    aspect = (4 / math.pi**2) * (_angle(a) - _angle(b)).square()
    aspect = torch.where((area(a) > 0) & (area(b) > 0), aspect, 0)
    with torch.no_grad():
        weight = _share(aspect, 1 - overlap + aspect)
    return diou(a, b) - weight * aspect


def _wide(boxes: Tensor) -> Tensor:
    """The boxes in a type that holds areas: float32 at least."""
    return boxes.float() if boxes.dtype in (torch.float16, torch.bfloat16) else boxes


def _intersection(a: Tensor, b: Tensor, pixel: float = 0.0) -> Tensor:
    """Area of what two broadcast sets of boxes share, each side lengthened by `pixel`."""
    sides = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    if pixel:
        sides = sides + pixel
    sides = sides.clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def _enclosing(a: Tensor, b: Tensor) -> Tensor:
    """Width and height of the smallest box around each pair."""
    return torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])


def _angle(boxes: Tensor) -> Tensor:
    """The angle of each box's diagonal, which stands for its aspect ratio."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return torch.atan2(sides[:, 0], sides[:, 1])


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """`part / whole`, and 0 wherever that is not a positive finite number, in the gradient too."""
    sound = (part > 0) & (whole > 0) & (whole < math.inf)
    return torch.where(sound, part, 0) / torch.where(sound, whole, 1)
