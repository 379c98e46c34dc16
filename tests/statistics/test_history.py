"""Forecasts and change points, against worked thresholds and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from cvbench.statistics.history import FLOOR, HistoryForecast, changes, forecast, spread

GATE = math.log(1.03)


@pytest.mark.parametrize(
    ("sd", "threshold", "least", "confirmed", "least_confirmed"),
    [
        (0.005, 0.018, 0.027, 0.011, 0.016),
        (0.008, 0.029, 0.043, 0.018, 0.026),
        (0.010, 0.037, 0.054, 0.022, 0.033),
        (0.020, 0.073, 0.108, 0.044, 0.065),
        (0.050, 0.183, 0.268, 0.111, 0.162),
    ],
)
def test_thresholds_of_twenty_jobs(sd, threshold, least, confirmed, least_confirmed):
    past = HistoryForecast(0.0, sd, 20)
    assert [past.threshold(gate=0.0, new_jobs=m) for m in (1, 3)] == pytest.approx(
        [threshold, confirmed], abs=6e-4
    )
    # the table was rounded on the way to these
    assert [past.detectable(gate=0.0, new_jobs=m) for m in (1, 3)] == pytest.approx(
        [least, least_confirmed], abs=1.1e-3
    )


def test_a_threshold_is_a_prediction_limit():
    # of the normal sample itself: mean + t * s * sqrt(1 + 1/n)
    n, s = 25, 0.02
    wanted = stats.t.ppf(0.999, n - 1) * s * math.sqrt(1 + 1 / n)
    assert HistoryForecast(0.0, s, n).threshold(gate=0.0) == pytest.approx(wanted)


def test_a_quiet_history_is_gated_no_tighter_than_was_asked():
    assert HistoryForecast(0.0, 0.0031, 40).threshold(gate=GATE) == GATE


def test_a_new_job_of_an_unchanged_program_rarely_alarms():
    draw = np.random.default_rng(0)
    jobs = draw.normal(0, 0.02, (3000, 21))
    alarms = [j[-1] - f.centre > f.threshold(gate=0.0) for j in jobs if (f := forecast(j[:-1]))]
    # the robust spread of 20 jobs is itself uncertain: 0.001 becomes some thousandths
    assert np.mean(alarms) < 0.01


def test_too_few_jobs_carry_no_gate():
    with pytest.raises(ValueError, match="14 earlier jobs are too few; at least 15 are needed"):
        forecast(np.zeros(14))


def test_the_spread_is_robust_and_never_nothing():
    assert spread(np.zeros(20)) == FLOOR
    draw = np.random.default_rng(1)
    points = draw.normal(0, 0.01, 400)
    assert spread(points) == pytest.approx(stats.median_abs_deviation(points, scale="normal"), rel=1e-3)


def test_an_unchanged_history_has_no_changes():
    draw = np.random.default_rng(2)
    assert np.mean([bool(changes(draw.normal(0, 0.01, 60))) for _ in range(150)]) <= 0.01


def test_a_step_is_found_where_it_is_and_told_after_three_points():
    draw = np.random.default_rng(3)
    points = np.concatenate([draw.normal(0, 0.01, 40), draw.normal(0.1, 0.01, 20)])
    assert changes(points) == [40]
    assert changes(points[:42]) == []
    assert changes(points[:43]) == [40]


def test_a_step_that_comes_back_is_two_changes():
    points = np.concatenate([np.zeros(20), np.full(10, 0.2), np.zeros(20)])
    points += np.random.default_rng(4).normal(0, 0.005, 50)
    assert changes(points) == [20, 30]


def test_a_single_outlier_is_no_change():
    points = np.random.default_rng(5).normal(0, 0.01, 40)
    points[20] += 0.3
    assert changes(points) == []


def test_the_cut_is_the_cheapest_of_all():
    points = np.random.default_rng(6).normal(0, 0.01, 14) + np.repeat([0.0, 0.05], 7)

    def cost(cuts):
        parts = np.split(points, cuts)
        return sum(np.abs(p - np.median(p)).sum() for p in parts)

    found = changes(points)
    assert found == [min(range(3, 12), key=lambda cut: cost([cut]))]
