"""The history of a metric on one machine: a prediction interval for the next job, and lasting changes.

Points are logarithms, one per job.
"""

from __future__ import annotations

import bisect
import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from cvbench.boxes.array_types import Float64
from cvbench.statistics.distributions import special

LEAST_JOBS = 15
"""The least number of earlier jobs for a gate."""
FLOOR = 0.003
"""Lower bound of the standard deviation between jobs."""
AFTER = 3
"""A change is reported only with this number of points after it."""

Points = Float64[np.ndarray, " jobs"]


class HistoryForecast(NamedTuple):
    """The distribution of the next job, from earlier ones."""

    centre: float
    spread: float
    """Robust standard deviation between jobs."""
    jobs: int

    def threshold(self, *, gate: float, new_jobs: int = 1, alpha: float = 0.001) -> float:
        """How far above the center the mean of `new_jobs` jobs must be to count as a loss.

        A prediction interval: it includes the noise of the new jobs and of the center. Source:
        Hahn and Meeker, Statistical Intervals, 1991, section 4.7, with a robust spread.
        """
        reach = special.stdtrit(self.jobs - 1, 1 - alpha) * self._error(new_jobs)
        return max(gate, float(reach))

    def detectable(
        self, *, gate: float, new_jobs: int = 1, alpha: float = 0.001, power: float = 0.95
    ) -> float:
        """The smallest loss that is detected with this power."""
        needed = self.threshold(gate=gate, new_jobs=new_jobs, alpha=alpha)
        return needed + NormalDist().inv_cdf(power) * self._error(new_jobs)

    def _error(self, new_jobs: int) -> float:
        return self.spread * math.sqrt(1 / new_jobs + 1 / self.jobs)


def forecast(points: Points) -> HistoryForecast:
    """From the jobs since the last change; raises ValueError for fewer than `LEAST_JOBS`."""
    x = np.asarray(points, np.float64)
    if len(x) < LEAST_JOBS:
        raise ValueError(f"{len(x)} earlier jobs are too few; at least {LEAST_JOBS} are needed")
    return HistoryForecast(float(x.mean()), spread(x), len(x))


def spread(points: Points) -> float:
    """1.4826 times the median distance from the median: a standard deviation robust to outliers."""
    x = np.asarray(points, np.float64)
    return max(FLOOR, 1.4826 * float(np.median(np.abs(x - np.median(x)))))


def changes(points: Points, *, strength: float = 3.0) -> list[int]:
    """Indices of the first point of each new level; empty if the level never changes.

    The least sum of distances from the segments' medians, plus a price for each segment, by dynamic
    programming (the L1 Potts functional). The price is `strength` times the logarithm of the number of
    points, in units of the noise between neighbors. No segment is shorter than three points.

    Source: Friedrich, Kempe, Liebscher and Winkler, Complexity penalized M-estimation, Journal of
    Computational and Graphical Statistics 17, 2008; asv uses it for benchmark histories.
    """
    x = np.asarray(points, np.float64)
    n = len(x)
    if n < 2 * AFTER:
        return []
    noise = max(1.4826 * float(np.median(np.abs(np.diff(x)))) / math.sqrt(2), 1e-12)
    price = strength * noise * math.log(n)
    best = [0.0] + [math.inf] * n
    cut = [0] * (n + 1)
    for end in range(AFTER, n + 1):
        # The segment start … end - 1 grows to the left; its sorted values give the sum of distances.
        values: list[float] = []
        for start in range(end - 1, -1, -1):
            bisect.insort(values, float(x[start]))
            if end - start < AFTER or best[start] == math.inf:
                continue
            half = len(values) // 2
            distance = math.fsum(values[-half:]) - math.fsum(values[:half])
            total = best[start] + distance + price
            if total < best[end]:
                best[end], cut[end] = total, start
    places, end = list[int](), n
    while end > 0:
        end = cut[end]
        if end:
            places.append(end)
    return places[::-1]
