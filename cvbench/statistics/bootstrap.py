"""The Bayesian bootstrap: how a figure would vary had the images come in other proportions."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from jaxtyping import Float64

from cvbench.statistics.proportions import Interval

UNIT = Interval(0.0, 1.0)
"""Where a fraction can lie."""


def bayesian_weights(
    n: int, resamples: int, *, seed: int = 0, at_once: int = 16
) -> Iterator[Float64[np.ndarray, "some n"]]:
    """Weights of `n` observations, as many sets as there are resamples, `at_once` at a time.

    In each set the weights are exponential: their shares are a draw from the flat Dirichlet
    distribution. Unlike the counts of a draw with replacement they leave no observation out, so no
    rare class vanishes from a resample. They are whole numbers (of 1/65536), so that their sums are
    exact in any order. Equal arguments give equal weights: two runs over the same images are paired.

    Source: D. B. Rubin, The Bayesian bootstrap, Annals of Statistics 9, 1981.
    """
    draw = np.random.default_rng(seed)
    for start in range(0, resamples, at_once):
        some = min(at_once, resamples - start)
        yield np.ceil(draw.exponential(65536.0, (some, n))).clip(1)


def interval_around(
    value: float,
    resampled: Float64[np.ndarray, " resamples"],
    *,
    within: Interval = UNIT,
    shift: float = 1.0,
    confidence: float = 0.95,
) -> Interval:
    """The interval of a figure, from what it came to under resampled weights.

    A normal interval with the resamples' spread, moved back by `shift` times what they lie above the
    figure. The figure itself is always inside, and nothing outside of `within`.

    A figure that reads the best of a noisy curve, as average precision does, comes out too high, and
    a resample, whose noise has twice the variance, higher still. Where the excess grows in proportion
    to the variance, the resample shows all of it, and `shift` is 1. That of average precision grows
    like its 0.6th power: the resample shows 2^0.6 - 1, or half of it, and `shift` is 2.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 10.3 and 13.3.
    """
    excess = shift * (float(resampled.mean()) - value)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * float(resampled.std(ddof=1))
    low, high = value - excess - reach, value - excess + reach
    return Interval(max(within.low, min(low, value)), min(within.high, max(high, value)))
