"""From quantities to places on paper: linear and logarithmic axes with round ticks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Words = Callable[[float], str]
"""How a quantity is written."""


def plain(value: float) -> str:
    """A number without a unit."""
    return f"{value:g}"


class Tick(NamedTuple):
    """A round value, its place, and its words."""

    at: float
    label: str


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` onto places from `start` to `end`, which may run backwards."""

    low: float
    high: float
    start: float
    end: float
    words: Words
    log: bool = False
    whole: bool = False
    """It counts things: nothing stands between two of its numbers."""

    def __call__(self, value: float) -> float:
        """The place, to a tenth of a pixel; values outside stop at the ends."""
        low, high, value = (math.log(v) for v in (self.low, self.high, value)) if self.log else (
            self.low, self.high, value,
        )  # fmt: skip
        share = (value - low) / (high - low)
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[Tick]:
        """Four to eight round values; fewer where there are fewer things to count."""
        least = 1.0 if self.whole else 0.0
        values = _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high, least)
        return [Tick(self(value), self.words(value)) for value in values]


def covering(
    values: Sequence[float], *, start: float, end: float, words: Words, log: bool = False, zero: bool = False
) -> Scale:
    """An axis over all values with a little room, from 0 if `zero`; a single value has room on both sides."""
    low, high = min(values), max(values)
    if log:
        room = (high / low) ** 0.06 if high > low else 1.5
        return Scale(low / room, high * room, start, end, words, log=True)
    if zero:
        return Scale(min(low, 0.0), high * 1.05 or 1.0, start, end, words)
    room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return Scale(low - room, high + room, start, end, words)


def _linear_ticks(low: float, high: float, least: float = 0.0) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, `least` apart at least.

    >>> _linear_ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    >>> _linear_ticks(0, 2.1, 1.0)
    [0.0, 1.0, 2.0]
    """
    step = max(round_step((high - low) / 6), least)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


_FACTORS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,))
"""Of a power of ten, the finest first."""
_MOST = 7


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with as many multiples as there is room for; round steps where the range is very short.

    >>> _log_ticks(1, 100)
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
    >>> _log_ticks(0.9, 1200)
    [1.0, 10.0, 100.0, 1000.0]
    """
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for factors in _FACTORS:
        found = [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]
        if len(found) <= _MOST:
            break
    if len(found) < 3:  # too short a range to be seen as logarithmic
        return _linear_ticks(low, high)
    return found[:: math.ceil(len(found) / _MOST)]


def round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `least`.

    >>> round_step(0.3), round_step(23), round_step(5)
    (0.5, 50.0, 5.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * f for f in (1, 2, 5, 10) if power * f >= least * (1 - 1e-9))
