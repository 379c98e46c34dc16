import math

import pytest
import torch

from cvbench.models.classification import softmax_loss, softmax_scores
from cvbench.values import ClassScores


def test_the_loss_is_the_mean_of_the_negative_log_probabilities():
    # logits (0, ln 3): probabilities 1/4, 3/4; true classes 0 and 1: (ln 4 + ln 4/3) / 2
    logits = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]])
    terms = softmax_loss(logits, [ClassScores.of(0, 2), ClassScores.of(1, 2)])
    assert list(terms) == ["cross_entropy"]
    assert terms["cross_entropy"].item() == pytest.approx((math.log(4) + math.log(4 / 3)) / 2)


def test_a_mixed_label_counts_as_a_distribution():
    logits = torch.tensor([[0.0, math.log(3)]])
    half = ClassScores(torch.tensor([0.5, 0.5]))
    expected = (math.log(4) + math.log(4 / 3)) / 2
    assert softmax_loss(logits, [half])["cross_entropy"].item() == pytest.approx(expected)


def test_scores_are_probabilities():
    scores = softmax_scores(torch.tensor([[0.0, math.log(3)]]))[0].scores
    torch.testing.assert_close(scores, torch.tensor([0.25, 0.75]))


def test_half_precision_logits_are_taken_up_to_fp32():
    logits = torch.tensor([[0.0, 60.0]], dtype=torch.bfloat16)
    assert softmax_loss(logits, [ClassScores.of(0, 2)])["cross_entropy"].item() == 60.0
    assert softmax_scores(logits)[0].scores.dtype == torch.float32
