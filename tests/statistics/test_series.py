import numpy as np
import pytest
from scipy import stats

from cvbench.statistics.series import NEEDED, effective_n, geometric_mean, mean_interval, median_interval


def test_independent_values_count_almost_in_full():
    assert effective_n(np.random.default_rng(0).normal(size=5000)) > 4000


def test_values_that_resemble_their_neighbours_count_less():
    # an AR(1) series with r = 0.8 is worth n (1 - r) / (1 + r) = n / 9
    noise = np.random.default_rng(0).normal(size=20_000)
    series = np.zeros_like(noise)
    for i in range(1, len(noise)):
        series[i] = 0.8 * series[i - 1] + noise[i]
    assert effective_n(series) == pytest.approx(len(noise) / 9, rel=0.15)


def test_a_constant_series_counts_in_full():
    assert effective_n(np.full(50, 3.0)) == 50


def test_a_drift_is_worth_next_to_nothing():
    assert effective_n(np.linspace(1, 2, 1000)) < 10


def test_the_median_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        low, high = median_interval(rng.lognormal(size=60))
        hits += low <= 1.0 <= high
    assert 0.93 <= hits / 2000 <= 0.985  # order statistics are discrete and never undercover by much


def test_five_values_give_no_median_interval():
    assert median_interval(np.arange(5.0)) is None


def test_the_interval_of_the_mean_is_students():
    values = np.array([3.0, 3.1, 2.9, 3.3])
    low, high = np.exp(stats.t.interval(0.95, 3, np.log(values).mean(), stats.sem(np.log(values))))
    assert mean_interval(values) == pytest.approx((low, high), rel=1e-12)
    assert geometric_mean(values) == pytest.approx(stats.gmean(values), rel=1e-12)


def test_two_values_give_no_interval_of_the_mean():
    assert mean_interval(np.array([1.0, 2.0])) is None


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_a_percentile_needs_what_early_stopping_needs(percent):
    # at most one value above the percentile, with probability at most 0.01
    def chance(n):
        return stats.binom.cdf(1, n, 1 - percent / 100)

    assert chance(NEEDED[percent]) <= 0.01 < chance(NEEDED[percent] - 1)
