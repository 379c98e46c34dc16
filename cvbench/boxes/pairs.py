"""Elementwise overlap of paired boxes, for regression losses.

All functions are differentiable and run on any device. As in `iou`, a pair with an invalid box has overlap 0.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Real
from torch import Tensor

from cvbench.boxes.formats import area
from cvbench.boxes.overlap import alike, intersection, share


def iou_of_pairs(a: Real[Tensor, "n 4"], b: Real[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """Intersection over union of each box in `a` with its partner in `b`.

    >>> iou_of_pairs(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 1.0, 3.0, 3.0]]))
    tensor([0.1429])
    """
    a, b = alike(a, b)
    inter = intersection(a, b)
    return share(inter, area(a) + area(b) - inter)


def giou(a: Real[Tensor, "n 4"], b: Real[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """Generalized IoU of each pair: IoU minus the share of the enclosing box that is in neither box.

    In (-1, 1]. Source: Rezatofighi et al. 2019, https://arxiv.org/abs/1902.09630, equation 6.

    >>> giou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]]))
    tensor([-0.3333])
    """
    a, b = alike(a, b)
    inter = intersection(a, b)
    union = area(a) + area(b) - inter
    sides = _enclosing(a, b)
    hull = sides[:, 0] * sides[:, 1]
    return share(inter, union) - share(hull - union, hull)


def diou(a: Real[Tensor, "n 4"], b: Real[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """Distance IoU of each pair: IoU minus the squared center distance over the squared enclosing diagonal.

    In (-1, 1]. Source: Zheng et al. 2020, https://arxiv.org/abs/1911.08287, equation 7.

    >>> diou(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]]))
    tensor([-0.4000])
    """
    a, b = alike(a, b)
    offset = (a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2
    return iou_of_pairs(a, b) - share(offset.square().sum(1), _enclosing(a, b).square().sum(1))


def ciou(a: Real[Tensor, "n 4"], b: Real[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    """Complete IoU of each pair: distance IoU minus a weighted difference of aspect ratios.

    The weight is constant in the gradient, as in the paper. For a box without width or height the third
    term is 0.
    Source: Zheng et al. 2020, https://arxiv.org/abs/1911.08287, equations 9 to 11.

    >>> same = torch.tensor([[0.0, 0.0, 2.0, 1.0]])
    >>> ciou(same, same)
    tensor([1.])
    """
    a, b = alike(a, b)
    overlap = iou_of_pairs(a, b)
    aspect = (4 / math.pi**2) * (_angle(a) - _angle(b)).square()
    aspect = torch.where((area(a) > 0) & (area(b) > 0), aspect, 0)
    with torch.no_grad():
        weight = share(aspect, 1 - overlap + aspect)
    return diou(a, b) - weight * aspect


def _enclosing(a: Tensor, b: Tensor) -> Tensor:
    """Width and height of the smallest box that encloses each pair."""
    return torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])


def _angle(boxes: Tensor) -> Tensor:
    """The angle of each box's diagonal, a measure of its aspect ratio."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return torch.atan2(sides[:, 0], sides[:, 1])
