"""Calibration error and likelihood, by hand and beside scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from cvbench.metrics.calibration import Calibration
from cvbench.values import ClassScores


def calibration(scores, labels):
    metric = Calibration([str(i) for i in range(len(scores[0]))])
    predictions = [ClassScores(torch.tensor(s, dtype=torch.float64)) for s in scores]
    truths = [ClassScores.of(int(label), len(scores[0])) for label in labels]
    metric.update([str(i) for i in range(len(scores))], predictions, truths)
    return metric.compute()


def test_both_figures_worked_out_by_hand():
    # One bin: confidences 0.8, 0.8, of which one is right: |0.8 - 0.5|. Another: 0.6, right: |0.6 - 1|.
    ece, nll = calibration([[0.8, 0.2], [0.8, 0.2], [0.6, 0.4]], [0, 1, 0])
    assert ece.value == pytest.approx((2 * 0.3 + 1 * 0.4) / 3)
    assert nll.value == pytest.approx(-(math.log(0.8) + math.log(0.2) + math.log(0.6)) / 3)


def test_the_likelihood_is_that_of_scikit_learn_and_the_error_that_of_the_definition():
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 5, 400)
    logits = draw.normal(size=(400, 5)) + 2 * np.eye(5)[labels]
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    ece, nll = calibration(scores, labels)
    assert nll.value == pytest.approx(log_loss(labels, scores), rel=1e-12)
    confidence, right = scores.max(1), scores.argmax(1) == labels
    expected = 0.0
    for low, high in zip(np.arange(15) / 15, np.arange(1, 16) / 15, strict=True):
        here = (confidence > low) & (confidence <= high)
        if here.any():
            expected += here.mean() * abs(confidence[here].mean() - right[here].mean())
    assert ece.value == pytest.approx(expected, rel=1e-12)
    for figure in (ece, nll):
        assert figure.interval[0] < figure.value < figure.interval[1]


def test_a_tie_for_the_highest_probability_is_a_wrong_answer():
    assert calibration([[0.5, 0.5]], [0])[0].value == pytest.approx(0.5)


@pytest.mark.parametrize("scores", [[2.0, 3.0], [-0.5, 1.5], [math.nan, 0.5], [0.2, 0.2]])
def test_scores_that_are_no_probabilities_are_told_so(scores):
    for figure in calibration([scores, [0.5, 0.5]], [0, 0]):
        assert figure.missing == "the scores of 1 of 2 images are not probabilities"


def test_a_true_class_with_probability_0_leaves_no_likelihood():
    ece, nll = calibration([[1.0, 0.0]], [1])
    assert ece.value == 1
    assert nll.missing == "1 images have probability 0 for their true class"
