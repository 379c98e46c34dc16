import subprocess
import sys

import numpy as np
import pytest

from cvbench.statistics.bootstrap import REACH, UNIT, bayesian_weights, interval_around


def test_weights_are_whole_positive_and_all_different_sets():
    weights = np.concatenate(list(bayesian_weights(50, 40)))
    assert weights.shape == (40, 50)
    assert (weights == np.round(weights)).all()
    assert (weights >= 1).all()
    assert len(np.unique(weights, axis=0)) == 40


def test_shares_have_the_moments_of_the_flat_dirichlet():
    shares = np.concatenate(list(bayesian_weights(5, 20_000)))
    shares /= shares.sum(1, keepdims=True)
    # Mean 1/n and variance (n - 1) / (n^2 (n + 1)); 20,000 draws leave a thousandth or so.
    assert shares.mean(0) == pytest.approx(np.full(5, 0.2), abs=0.005)
    assert shares.var(0) == pytest.approx(np.full(5, 4 / 150), abs=0.002)


def test_equal_arguments_give_equal_weights_however_they_are_handed_out():
    one = np.concatenate(list(bayesian_weights(7, 10, at_once=3)))
    other = np.concatenate(list(bayesian_weights(7, 10, at_once=10)))
    np.testing.assert_array_equal(one, other)
    assert (np.concatenate(list(bayesian_weights(7, 10, seed=1))) != one).any()


def test_the_interval_of_a_mean_is_the_normal_one_and_a_tenth_wider():
    sample = np.random.default_rng(0).random(400)
    resampled = np.concatenate([(w @ sample) / w.sum(1) for w in bayesian_weights(400, 4000)])
    interval = interval_around(sample.mean(), resampled)
    reach = 1.1 * 1.96 * sample.std() / 20
    # A resampled spread of 4,000 is known to about one part in a hundred.
    assert interval == (
        pytest.approx(sample.mean() - reach, abs=0.03 * reach * 2),
        pytest.approx(sample.mean() + reach, abs=0.03 * reach * 2),
    )


def test_a_bias_moves_the_interval_back_and_the_figure_stays_inside():
    resampled = 0.5 + 0.01 * np.array([-1.0, 0.0, 1.0])
    low, high = interval_around(0.45, resampled)
    assert (low, high) == (pytest.approx(0.4 - REACH * 0.0196, abs=1e-4), 0.45)
    further = interval_around(0.45, resampled, reads_the_best=True)
    assert further.low == pytest.approx(0.45 - 0.05 / (2**0.5 - 1) - REACH * 0.0196, abs=1e-4)


def test_no_interval_leaves_what_is_possible():
    assert interval_around(0.5, np.array([0.0, 1.0])) == UNIT


def imports(module: str) -> bool:
    code = f"import cvbench.statistics.bootstrap, sys; sys.exit({module!r} in sys.modules)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 1


def test_the_statistics_need_no_torch():
    assert not imports("torch")


def test_a_module_that_they_need_is_noticed():
    assert imports("numpy")
