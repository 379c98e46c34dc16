"""Intervals for a proportion of independent binary outcomes."""

from __future__ import annotations

import math
import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from statistics import NormalDist
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """The two ends of an interval, both inside it."""

    low: float
    high: float


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """The Wilson score interval of a proportion; it contains the proportion and stays within 0 and 1.

    Raises ValueError without observations.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    JASA 22, 1927; without continuity correction.

    >>> wilson(8, 10)
    Interval(low=0.4901..., high=0.9433...)
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} successes among {n} observations: not a proportion")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    centre = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At 0 and n the exact ends are 0 and 1; rounding must not put them on the wrong side.
    low = 0.0 if successes == 0 else (centre - reach) / scale
    high = 1.0 if successes == n else (centre + reach) / scale
    return Interval(low, high)


def _load_later(package: object, name: str) -> None:
    """Import a submodule on the first access to its attributes."""
    full = f"{package.__name__}.{name}"  # type: ignore[attr-defined]
    spec = find_spec(full)
    if full in sys.modules or spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[full] = module
    spec.loader.exec_module(module)
    setattr(package, name, module)


# scipy copies every name of numpy, and so imports whatever numpy would have imported on demand, such as a
# Fortran compiler's front end: half of the time of its own import. This may go when
# `python -X importtime` shows them no more.
for _name in ("f2py", "ma", "polynomial", "testing"):
    _load_later(np, _name)

from scipy import special  # noqa: E402, after what it would import

__all__ = ["special"]
