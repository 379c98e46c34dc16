import math

import pytest
import torch
import torchvision
from torch import Tensor

from cvbench.boxes import ciou, diou, giou, iou_of_pairs

A = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
B = torch.tensor([[1.0, 1.0, 3.0, 3.0], [3.0, 0.0, 4.0, 2.0]])


def scattered(n: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator, dtype=torch.float64) * 10
    return torch.cat(
        [corner, corner + torch.rand(n, 2, generator=generator, dtype=torch.float64) * 6 + 1], dim=1
    )


def test_pairs_worked_by_hand():
    # First: inter 1, union 7, hull 3 x 3, centres (1, 1) apart. Second: inter 0, union 6, hull 4 x 2,
    # centres 2.5 apart.
    assert torch.allclose(torch.tensor([1 / 7, 0]), iou_of_pairs(A, B))
    assert torch.allclose(torch.tensor([1 / 7 - 2 / 9, -2 / 8]), giou(A, B))
    assert torch.allclose(torch.tensor([1 / 7 - 2 / 18, -6.25 / 20]), diou(A, B))
    # The first two are squares: no third term. The second is 1 x 2 against a square.
    aspect = 4 / math.pi**2 * (math.atan(1) - math.atan(1 / 2)) ** 2
    assert torch.allclose(torch.tensor([1 / 7 - 2 / 18, -6.25 / 20 - aspect**2 / (1 + aspect)]), ciou(A, B))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (giou, torchvision.ops.generalized_box_iou_loss),
        (diou, torchvision.ops.distance_box_iou_loss),
        (ciou, torchvision.ops.complete_box_iou_loss),
    ],
)
def test_losses_of_pairs_agree_with_torchvision(ours, theirs):
    a, b = scattered(200, 0), scattered(200, 1)
    # Theirs adds 1e-7 to every denominator.
    assert torch.allclose(1 - theirs(a, b), ours(a, b), atol=1e-6)


@pytest.mark.parametrize("measure", [iou_of_pairs, giou, diou])
def test_the_gradients_of_pairs_are_right(measure):
    a, b = scattered(20, 2).requires_grad_(), scattered(20, 3).requires_grad_()
    assert torch.autograd.gradcheck(measure, (a, b))


def test_the_weight_of_the_aspect_is_a_constant_in_the_gradient_of_ciou():
    a, b = scattered(20, 4).requires_grad_(), scattered(20, 5)
    ours = torch.autograd.grad(ciou(a, b).sum(), a)[0]
    theirs = torch.autograd.grad(-torchvision.ops.complete_box_iou_loss(a, b, reduction="sum"), a)[0]
    assert torch.allclose(theirs, ours, atol=1e-5)


@pytest.mark.parametrize("measure", [iou_of_pairs, giou, diou, ciou])
def test_a_box_is_one_with_itself(measure):
    boxes = scattered(50, 6)
    assert torch.equal(torch.ones(50, dtype=torch.float64), measure(boxes, boxes))


@pytest.mark.parametrize("measure", [iou_of_pairs, giou, diou, ciou])
def test_points_on_one_another_give_0_and_finite_gradients(measure):
    point = torch.full((1, 4), 3.0, requires_grad=True)
    value = measure(point, point.detach())
    value.sum().backward()
    assert value.item() == 0.0
    assert point.grad.isfinite().all()


@pytest.mark.parametrize("measure", [iou_of_pairs, giou, diou, ciou])
def test_no_pairs_are_no_error(measure):
    assert measure(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0,)
