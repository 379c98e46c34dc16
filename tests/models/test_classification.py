import math

import pytest
import torch

from cvbench.errors import InputError
from cvbench.models.classification import at_every_position, prepared, softmax_loss, softmax_scores
from cvbench.values import ClassScores, Preprocessing


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


def test_a_linear_layer_at_every_position_by_hand():
    # a 2 x 2 layer that adds up what it sees, over a map of 2 x 3: two places
    layer = torch.nn.Linear(4, 1)
    torch.nn.init.ones_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    features = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])
    found = at_every_position(torch.nn.Sequential(layer), features)
    assert found.tolist() == [[[[12.0, 16.0]]]]


def test_an_image_is_stretched_unless_its_shorter_side_is_given():
    assert prepared("net", 224, None).resize == "stretch"
    cut = prepared("net", 224, 256, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    assert cut == Preprocessing(size=(224, 224), resize="crop", shorter=256)


@pytest.mark.parametrize("shorter", [223, 256.0, True, "256"])
def test_a_shorter_side_with_less_than_the_cut_is_refused(shorter):
    with pytest.raises(InputError, match=r"net: shorter=.* it must be at least 224, the value of size"):
        prepared("net", 224, shorter)
