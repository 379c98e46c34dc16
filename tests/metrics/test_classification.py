"""top-k counts ties and NaN against the answer, and agrees with scikit-learn where there are none."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from cvbench.metrics.classification import TopK
from cvbench.values import ClassScores

TEN = [str(i) for i in range(10)]


def right(scores, label, k):
    """Whether one image counts as right among ten classes, or as many as there are scores."""
    metric = TopK([str(i) for i in range(len(scores))])
    metric.update(["1"], [ClassScores(torch.tensor(scores))], [ClassScores.of(label, len(scores))])
    return metric.outcomes()[f"top{k}"] == [True]


def test_the_highest_score_is_right():
    assert right([0.1, 0.7, 0.2], 1, 1)
    assert not right([0.1, 0.7, 0.2], 2, 1)


def test_an_equal_score_elsewhere_counts_against_whatever_its_place():
    assert not right([0.5, 0.5, 0.0], 0, 1)
    assert not right([0.5, 0.5, 0.0], 1, 1)


def test_the_fifth_place_has_to_be_its_own():
    six = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    assert right(six, 4, 5)
    assert not right(six, 5, 5)
    assert not right([0.9, 0.8, 0.7, 0.6, 0.5, 0.5], 4, 5)


def test_an_image_with_a_nan_is_wrong_even_if_the_answer_is_not():
    assert not right([0.1, 0.9, math.nan], 1, 1)
    assert not right([math.nan] * 10, 0, 5)


def test_infinite_scores_are_ranked():
    assert right([-math.inf, math.inf, 0.0], 1, 1)


def test_top5_of_five_classes_is_missing_with_a_reason():
    metric = TopK(TEN[:5])
    metric.update(["1"], [ClassScores(torch.eye(5)[0])], [ClassScores.of(0, 5)])
    top1, top5 = metric.compute()
    assert top1.value == 1
    assert top5.value is None
    assert top5.missing == "with 5 classes every prediction is correct"


@pytest.fixture
def answers():
    draw = np.random.default_rng(0)
    labels, scores = draw.integers(0, 9, 300), draw.normal(size=(300, 10))
    scores[np.arange(300), labels] += 1
    metric = TopK(TEN)
    truths = [ClassScores.of(int(label), 10) for label in labels]
    metric.update([str(i) for i in range(300)], [ClassScores(torch.tensor(s)) for s in scores], truths)
    return metric, labels, scores


def test_both_figures_are_those_of_scikit_learn(answers):
    metric, labels, scores = answers
    for figure, k in zip(metric.compute(), (1, 5), strict=True):
        assert figure.value == top_k_accuracy_score(labels, scores, k=k, labels=range(10))
        assert figure.n == 300
        assert figure.interval[0] < figure.value < figure.interval[1]


def test_the_confusion_matrix_is_that_of_scikit_learn(answers):
    metric, labels, scores = answers
    expected = confusion_matrix(labels, scores.argmax(1), labels=range(10))
    np.testing.assert_array_equal(metric.confusion(), expected)


def test_the_parts_are_the_shares_of_each_class(answers):
    metric, labels, scores = answers
    top1 = metric.compute()[0]
    here = labels == 3
    assert top1.parts[3].value == (scores.argmax(1)[here] == 3).mean()
    assert top1.parts[3].n == here.sum()
    assert top1.parts[9].missing == "no image of this class"


def test_other_predictions_are_refused():
    from cvbench.values import Detections

    with pytest.raises(TypeError, match="ClassScores"):
        TopK(TEN).update(["1"], [Detections.none()], [ClassScores.of(0, 10)])
