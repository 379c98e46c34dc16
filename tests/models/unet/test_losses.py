import math

import pytest
import torch

from cvbench.models.segmentation import pixel_loss
from cvbench.models.unet import unet
from cvbench.models.unet.losses import dice_loss
from cvbench.values import VOID, LabelMap


def test_nothing_but_void_costs_nothing_and_has_a_gradient():
    logits = torch.randn(1, 2, 2, 2, requires_grad=True)
    void = LabelMap(torch.full((2, 2), VOID, dtype=torch.uint8))
    loss = unet(2, size=16, width=0.125).loss(logits, [void])["cross_entropy"]
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_dice_by_hand():
    # One row of four pixels, classes 0 0 1 void; softmax gives class 1 a half everywhere.
    # class 0: 2 (0.5 + 0.5) / (1.5 + 2) = 4/7; class 1: 2 (0.5) / (1.5 + 1) = 2/5; class 2 does not occur
    logits = torch.tensor([0.0, 0.0, -math.inf]).reshape(1, 3, 1, 1).expand(1, 3, 1, 4)
    labels = torch.tensor([[[0, 0, 1, VOID]]])
    assert dice_loss(logits, labels).item() == pytest.approx(((1 - 4 / 7) + (1 - 2 / 5)) / 2)


def test_a_perfect_map_has_no_dice_loss_and_an_unlabelled_one_a_gradient():
    labels = torch.randint(0, 3, (2, 8, 8))
    sure = 100.0 * torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()
    assert dice_loss(sure, labels).item() == pytest.approx(0.0, abs=1e-6)
    logits = torch.zeros(1, 3, 4, 4, requires_grad=True)
    loss = dice_loss(logits, torch.full((1, 4, 4), VOID))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad.eq(0).all()


def test_the_gradient_of_dice_is_that_of_its_finite_differences():
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (1, 3, 3))
    logits = torch.randn(1, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: dice_loss(x, labels), logits)


def test_the_gradient_of_the_weighed_loss_is_that_of_its_finite_differences():
    torch.manual_seed(0)
    labels = torch.tensor([[[0, 1, VOID], [2, 0, 1]]])
    weights = torch.rand(1, 2, 3, dtype=torch.float64)
    logits = torch.randn(1, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: pixel_loss(x, labels, weights), logits)


def test_weights_of_one_change_nothing():
    logits = torch.randn(2, 4, 5, 6)
    labels = torch.randint(0, 4, (2, 5, 6))
    labels[0, 0] = VOID
    weighed = pixel_loss(logits, labels, torch.ones(2, 5, 6))
    torch.testing.assert_close(weighed, pixel_loss(logits, labels))
