"""Statistics of a series of timings: its center with an interval, and its quantiles.

Consecutive iterations are correlated. `effective_n` is the equivalent number of independent iterations;
intervals, and which percentiles are reported, depend on it.
"""

from __future__ import annotations

import math

import numpy as np

from cvbench.boxes.array_types import Float64
from cvbench.statistics.distributions import special

Series = Float64[np.ndarray, " n"]

NEEDED = {50: 1, 90: 64, 95: 130, 99: 662}
"""Percentile → the least effective n to report it: the least n at which a binomial(n, 1 - percent)
stays at one slower value or fewer with probability at most 0.01 (MLPerf's early stopping, t = 1)."""


def effective_n(values: Series) -> float:
    """The equivalent number of independent values: n / (1 + 2 sum of r_k), at least 1, at most n.

    The sum runs over the autocorrelations r_1, r_2 … until the first that is not positive (Geyer's
    initial positive sequence, in its simple form). A constant series counts in full.
    """
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    x = x - x.mean()
    power = float(x @ x)
    if n < 3 or power <= 0.0:
        return float(n)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(x, size)
    correlation = np.fft.irfft(spectrum * spectrum.conj(), size)[1:n] / power
    below = np.flatnonzero(correlation <= 0)
    total = float(correlation[: below[0] if len(below) else n].sum())
    return max(1.0, min(float(n), n / (1 + 2 * total)))


def median_interval(values: Series, confidence: float = 0.95) -> tuple[float, float] | None:
    """An interval for the median from order statistics, without a distribution.

    The ranks follow the binomial(n, 1/2) at the effective n, spread over the series. None
    with fewer than 6 effective values.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    n = effective_n(values)
    if n < 6:
        return None
    half = special.ndtri(0.5 + confidence / 2) * math.sqrt(n) / 2
    share_low, share_high = 0.5 - half / n - 0.5 / n, 0.5 + half / n + 0.5 / n
    low = math.floor(share_low * (len(x) - 1))
    high = math.ceil(share_high * (len(x) - 1))
    return float(x[max(0, low)]), float(x[min(len(x) - 1, high)])


def mean_interval(values: Series, confidence: float = 0.95) -> tuple[float, float] | None:
    """Student's t interval for the geometric mean of positive values; None for fewer than 3."""
    logs = np.log(np.asarray(values, dtype=np.float64))
    n = len(logs)
    if n < 3:
        return None
    half = special.stdtrit(n - 1, 0.5 + confidence / 2) * logs.std(ddof=1) / math.sqrt(n)
    return float(np.exp(logs.mean() - half)), float(np.exp(logs.mean() + half))


def geometric_mean(values: Series) -> float:
    """The center of `mean_interval`."""
    return float(np.exp(np.log(np.asarray(values, dtype=np.float64)).mean()))


def trimmed_mean(values: Series, share: float = 0.2) -> float:
    """The mean without the lowest and highest `share` of the values; the median of fewer than 4."""
    x = np.sort(np.asarray(values, dtype=np.float64))
    if len(x) < 4:
        return float(np.median(x))
    cut = int(share * len(x))
    return float(x[cut : len(x) - cut].mean())


def half_width(interval: tuple[float, float] | None) -> float:
    """Half of an interval, relative to its middle; infinite without an interval."""
    if interval is None:
        return math.inf
    low, high = interval
    return (high - low) / (high + low)


def theil_sen(x: Series, y: Series) -> float:
    """The slope of y over x: the median of the slopes between all pairs of points (Sen 1968)."""
    first, second = np.triu_indices(len(x), k=1)
    run = x[second] - x[first]
    return float(np.median((y[second] - y[first])[run > 0] / run[run > 0]))
