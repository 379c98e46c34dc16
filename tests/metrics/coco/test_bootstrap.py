"""Resampled figures are those of re-weighted images, and their intervals hold what they promise."""

import numpy as np
import pytest

from cvbench.metrics.coco.evaluation import match_coco
from cvbench.metrics.coco.summary import resampled_figures, resamples, values
from cvbench.statistics.bootstrap import bayesian_weights
from tests.metrics.coco_problems import box_problem


def matched(seed):
    problem = box_problem(seed)
    return match_coco(problem.truth, problem.detections, classes=problem.classes)


@pytest.mark.parametrize("seed", range(15))
def test_weights_of_1_give_the_plain_figures_to_the_bit(seed):
    matches = matched(seed)
    plain = values(matches.evaluate())
    again = resampled_figures(matches, [np.ones((2, len(matches.numbers)))])
    assert {name: column.tolist() for name, column in again.items()} == {
        name: [value, value] for name, value in plain.items() if value is not None
    }


@pytest.mark.parametrize("seed", range(5))
def test_a_resample_is_an_evaluation_with_weights(seed):
    matches = matched(seed)
    weights = np.concatenate(list(bayesian_weights(len(matches.numbers), 3, seed=seed)))
    columns = resampled_figures(matches, [weights])
    for r, row in enumerate(weights):
        plain = values(matches.evaluate(row))
        assert {name: column[r] for name, column in columns.items()} == {
            name: value for name, value in plain.items() if value is not None
        }


def test_small_sets_get_a_thousand_resamples():
    assert resamples(matched(0)) == 1000
