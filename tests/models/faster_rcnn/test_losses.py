import math

import pytest
import torch

from cvbench.models.faster_rcnn.heads import detection_loss, proposal_loss


def test_the_first_stages_loss_is_worked_by_hand():
    # probabilities 3/4 (positive), 1/4 and 1/2 (negative), and one that holds nothing; distances 0.05
    # (below 1/9: a parabola) and 1 (a line); three samples
    a = math.log(3)
    classes, box = proposal_loss(
        torch.tensor([[a, -a, 0.0, 9.0]]),
        torch.tensor([[[0.05, 1, 0, 0], [7.0] * 4, [7.0] * 4, [7.0] * 4]]),
        targets=torch.zeros(1, 4, 4),
        positive=torch.tensor([[True, False, False, False]]),
        chosen=torch.tensor([[True, True, True, False]]),
        beta=1 / 9,
    )
    assert classes.item() == pytest.approx((2 * math.log(4 / 3) + math.log(2)) / 3)
    assert box.item() == pytest.approx((9 * 0.05**2 / 2 + 1 - 1 / 18) / 3)


def test_the_second_stages_loss_is_worked_by_hand():
    # category 2 with probability 1/2, background with 1/4; distances 0.5 and 2 at beta 1, for category 2 only
    offsets = torch.full((2, 3, 4), 7.0)
    offsets[0, 2] = torch.tensor([0.5, -2, 0, 0])
    classes, box = detection_loss(
        torch.tensor([[0.0, 0.0, math.log(2)], [0.0, math.log(2), 0.0]]),
        offsets,
        targets=torch.zeros(2, 4),
        category=torch.tensor([2, 0]),
        beta=1.0,
    )
    assert classes.item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert box.item() == pytest.approx((0.125 + 1.5) / 2)


def test_an_empty_sample_costs_nothing():
    none = torch.zeros(0, dtype=torch.int64)
    second = detection_loss(
        torch.zeros(0, 3), torch.zeros(0, 3, 4), targets=torch.zeros(0, 4), category=none, beta=1.0
    )
    nothing = torch.zeros(2, 5, dtype=torch.bool)
    first = proposal_loss(
        torch.zeros(2, 5),
        torch.zeros(2, 5, 4),
        targets=torch.zeros(2, 5, 4),
        positive=nothing,
        chosen=nothing,
        beta=1.0,
    )
    assert [term.item() for term in (*first, *second)] == [0, 0, 0, 0]
