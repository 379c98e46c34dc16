"""Compare two classifiers on the same images, from the images on which they differ."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from cvbench.statistics.distributions import Interval, special

_HALVINGS = 42
"""Of an interval of length 2: less than 1e-12 is left."""


class Flips(NamedTuple):
    """Counts of changed predictions between two models."""

    lost: int
    """Right before, wrong now."""
    gained: int
    """Wrong before, right now."""
    n: int
    """Number of images scored by both."""

    @property
    def difference(self) -> float:
        """The new model's accuracy minus the old one's."""
        return (self.gained - self.lost) / self.n


def flips(before: np.ndarray, now: np.ndarray) -> Flips:
    """Counts from two arrays of correct (1) or wrong (0) over the same images.

    >>> flips(np.array([True, True, False]), np.array([True, False, False]))
    Flips(lost=1, gained=0, n=3)
    """
    before, now = np.asarray(before, np.bool_), np.asarray(now, np.bool_)
    return Flips(int((before & ~now).sum()), int((now & ~before).sum()), len(before))


def mcnemar_midp(lost: int, gained: int) -> float:
    """The one-sided mid-p value of McNemar's exact test for losses among all changed predictions.

    P(X > lost) + P(X = lost) / 2 for X binomial(lost + gained, 1/2). The two-sided mid-p is twice the
    smaller of the two sides. Without changed predictions it is 1/2.

    Source: Fagerland, Lydersen and Laake, The McNemar test for binary matched-pairs data: mid-p and
    asymptotic are better than exact conditional, BMC Medical Research Methodology 13, 2013.
    """
    total = lost + gained
    above = float(special.bdtrc(lost, total, 0.5)) if lost < total else 0.0
    log_here = special.gammaln(total + 1) - special.gammaln(lost + 1) - special.gammaln(gained + 1)
    return above + 0.5 * math.exp(float(log_here) - total * math.log(2))


def tango(counted: Flips, *, confidence: float = 0.95) -> Interval:
    """Tango's score interval of the difference: new accuracy minus old accuracy.

    It needs no correction for few changes, stays within -1 and 1, and contains the difference.

    Source: T. Tango, Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17, 1998.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    here = counted.difference
    return Interval(_end(counted, z, -1.0, here), _end(counted, -z, here, 1.0))


def _end(counted: Flips, z: float, low: float, high: float) -> float:
    """The difference at which the score statistic, which decreases with it, equals `z`."""
    outer = low if z > 0 else high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _score(counted, middle) > z:
            low = middle
        else:
            high = middle
    end = (low + high) / 2
    return outer if abs(end - outer) < 2e-12 else end


def _score(counted: Flips, supposed: float) -> float:
    """Distance of the counts from a supposed difference, in standard errors."""
    b, c, n = counted.gained, counted.lost, counted.n
    square = 2 * n
    linear = -b - c + (2 * n - b + c) * supposed
    constant = -c * supposed * (1 - supposed)
    nuisance = (math.sqrt(max(0.0, linear * linear - 4 * square * constant)) - linear) / (2 * square)
    variance = n * (2 * nuisance + supposed * (1 - supposed))
    gap = b - c - n * supposed
    if variance <= 0:
        return math.copysign(math.inf, gap) if gap else 0.0
    return gap / math.sqrt(variance)


def detectable_difference(counted: Flips, *, alpha: float, power: float = 0.95) -> float:
    """The minimum detectable difference at this rate of changed predictions, one-sided.

    One more change than counted is assumed, so that the result is not 0 without changes.

    Source: the normal approximation of McNemar's test, Connor, Biometrics 43, 1987.
    """
    share = min(1.0, (counted.lost + counted.gained + 1) / counted.n)
    z = NormalDist()
    return (z.inv_cdf(1 - alpha) + z.inv_cdf(power)) * math.sqrt(share / counted.n)


def square_and_add(before: float, around_before: Interval, now: float, around_now: Interval) -> Interval:
    """The interval of `now - before` from the intervals of two independent values.

    With two Wilson intervals this is Newcombe's hybrid score interval (his method 10).

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17, 1998; for any two metrics Zou and Donner, ibid. 27, 2008.
    """
    low = math.hypot(now - around_now.low, around_before.high - before)
    high = math.hypot(around_now.high - now, before - around_before.low)
    return Interval(now - before - low, now - before + high)
