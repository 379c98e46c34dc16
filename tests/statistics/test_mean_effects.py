"""Effects from round values, against scipy and the published table of detectable effects."""

import numpy as np
import pytest
from scipy import stats

from cvbench.statistics.mean_effects import Effect, of_pairs, of_two, trimmed_mean

DRAW = np.random.default_rng(0)
A, B = np.exp(DRAW.normal(0, 0.02, 5)), np.exp(DRAW.normal(0.05, 0.03, 7))


def test_two_jobs_are_compared_by_welchs_t_on_logarithms():
    wanted = stats.ttest_ind(np.log(B), np.log(A), equal_var=False, alternative="greater")
    effect = of_two(A, B)
    assert effect.p_above() == pytest.approx(wanted.pvalue)
    assert effect.freedom == pytest.approx(wanted.df)
    assert tuple(effect.limits(0.025)) == pytest.approx(
        tuple(stats.ttest_ind(np.log(B), np.log(A), equal_var=False).confidence_interval(0.95))
    )


def test_pairs_are_compared_by_students_t():
    logs = np.log(B) - 0.01
    wanted = stats.ttest_1samp(logs, 0.01, alternative="greater")
    assert of_pairs(logs).p_above(0.01) == pytest.approx(wanted.pvalue)


def test_known_noise_between_jobs_widens_the_interval():
    assert of_two(A, B, between_jobs=0.02).error == pytest.approx(np.hypot(of_two(A, B).error, 0.02 * 2**0.5))


@pytest.mark.parametrize(
    ("rounds", "spread", "alpha", "least"),
    [(5, 0.5, 0.005, 2.7), (5, 4.0, 0.0005, 25.2), (10, 1.0, 0.005, 2.7), (30, 2.0, 0.0005, 3.0)],
)
def test_detectable_effects_are_those_of_the_table(rounds, spread, alpha, least):
    effect = Effect(0.0, spread / rounds**0.5, rounds - 1)
    assert round(effect.detectable(alpha=alpha, margin=1.0), 1) == least


def test_a_detectable_effect_is_detected_as_often_as_promised():
    planned = Effect(0.0, 0.01 / 5**0.5, 4)
    least, draw = planned.detectable(alpha=0.005, margin=0.01), np.random.default_rng(1)
    # the table supposes the true spread; each simulated job estimates its own
    found = [of_pairs(draw.normal(least, 0.01, 5)).p_above(0.01) < 0.005 for _ in range(2000)]
    assert 0.93 < np.mean(found) < 0.97


def test_equal_rounds_are_certain():
    effect = of_pairs(np.array([0.1, 0.1]))
    assert effect.p_above(0.05) == 0.0
    assert effect.p_above(0.2) == 1.0


@pytest.mark.parametrize("compare", [lambda: of_pairs(A[:1]), lambda: of_two(A[:1], B)])
def test_one_round_is_refused(compare):
    with pytest.raises(ValueError, match="show how rounds vary"):
        compare()


def test_a_trimmed_mean_is_scipys():
    values = DRAW.normal(size=23)
    assert trimmed_mean(values) == pytest.approx(stats.trim_mean(values, 0.2))
    assert trimmed_mean(values[:3]) == np.median(values[:3])


def test_intervals_hold_the_truth_as_often_as_they_say():
    draw = np.random.default_rng(2)
    held = [
        low <= 0.02 <= high
        for low, high in (of_pairs(x).limits(0.025) for x in draw.normal(0.02, 0.01, (2000, 5)))
    ]
    assert 0.935 < np.mean(held) < 0.965
