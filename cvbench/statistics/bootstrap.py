"""The Bayesian bootstrap: how a figure would vary had the images come in other proportions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from cvbench.boxes.array_types import Float64
from cvbench.statistics.distributions import Interval

UNIT = Interval(0.0, 1.0)
"""Where a fraction can lie."""

REACH = 1.1
"""How much further than the resamples' normal quantile an interval reaches, see `interval_around`."""


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
    reads_the_best: bool = False,
    confidence: float = 0.95,
) -> Interval:
    """The interval of a figure, from what it came to under resampled weights.

    A normal interval, moved by the resamples' bias; its reach is the spread of the resamples, which
    falls short of the figure's own by a few percent, times `REACH`. The figure itself is always inside,
    and nothing outside of `within`.

    A figure that `reads_the_best` of a noisy curve, as average precision does, comes out too high, by
    an excess that grows like the noise. A resample has noise of twice the variance, so what it lies
    above the figure is only 0.41 (the root of 2, less 1) of the figure's own excess. For other figures
    bias grows like the variance, and resamples show all of it.

    `REACH` is an empirical constant. Without it, nominal 95 % intervals of simulated test sets of 100 to
    400 images held the true AP in 94 %, the true mAP of VOC in 94 %, and the true mean IoU in 90 %;
    percentile, bias-corrected and logit intervals did worse (80 to 93 %). With it, and over other test
    sets, all three are held in 94 %: `results/reference/coverage.md`. It does not hold where a figure
    rests on a few objects of each class: AP of small objects in 100 images is held in 88 % only.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 10.3 and 13.3.
    """
    shown = math.sqrt(2) - 1 if reads_the_best else 1.0
    excess = (float(resampled.mean()) - value) / shown
    reach = REACH * NormalDist().inv_cdf((1 + confidence) / 2) * float(resampled.std(ddof=1))
    low, high = value - excess - reach, value - excess + reach
    return Interval(min(max(low, within.low), value), max(min(high, within.high), value))
