"""Linear and logarithmic axes with round ticks: from quantities to pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

Words = Callable[[float], str]
"""How a quantity is written."""


def plain(value: float) -> str:
    """A number without a unit."""
    return f"{value:g}"


class Unit(NamedTuple):
    """The unit of an axis: its title names it, so its ticks are plain numbers."""

    name: str
    factor: float
    """How many base units (seconds, bytes, …) one of it has."""


_SCALED: Final = {
    "s": (Unit("s", 1.0), Unit("ms", 1e-3), Unit("µs", 1e-6)),
    "bytes": (Unit("GiB", 2.0**30), Unit("MiB", 2.0**20), Unit("KiB", 2.0**10), Unit("B", 1.0)),
    "fraction": (Unit("fraction", 1.0),),
}
_PREFIXES: Final = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("", 1.0))


def unit_for(unit: str, values: Sequence[float], *, log: bool = False) -> Unit:
    """The unit in which the numbers on an axis over these values stay short.

    >>> unit_for("s", [0.004, 0.04]), unit_for("bytes", [2**28, 2**31], log=True)
    (Unit(name='ms', factor=0.001), Unit(name='MiB', factor=1048576.0))
    >>> unit_for("FLOP/s", [2e10, 1e11]).name, unit_for("images/s", [40.0, 900.0]).name
    ('GFLOP/s', 'images/s')
    """
    known = _SCALED.get(unit) or tuple(Unit(prefix + unit, factor) for prefix, factor in _PREFIXES)
    high = max(map(abs, values))
    typical = math.sqrt(min(values) * high) if log else high
    return next((one for one in known if one.factor <= typical), known[-1])


class Tick(NamedTuple):
    """A round value, its position in pixels, and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` to pixels from `start` to `end`, which may be less than `start`."""

    low: float
    high: float
    start: float
    end: float
    words: Words
    log: bool = False
    whole: bool = False
    """Whether it counts: ticks are whole numbers."""
    unit: Unit | None = None
    """Of the ticks; without one, `words` labels them."""
    marked: Sequence[float] = ()
    """The ticks, where round numbers are not the natural ones."""

    def __call__(self, value: float) -> float:
        """The position, to a tenth of a pixel; values outside are clipped to the ends."""
        low, high, value = (math.log(v) for v in (self.low, self.high, value)) if self.log else (
            self.low, self.high, value,
        )  # fmt: skip
        share = (value - low) / (high - low)
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[Tick]:
        """Four to eight values that are round in the axis's unit; fewer where fewer things are counted."""
        factor = self.unit.factor if self.unit else 1.0
        low, high = self.low / factor, self.high / factor
        if self.marked:
            values = [value / factor for value in _thinned(self.marked) if self.low <= value <= self.high]
        elif self.log:
            values = _log_ticks(low, high)
        else:
            values = _linear_ticks(low, high, 1.0 if self.whole else 0.0)
        labels = _numbers(values, log=self.log) if self.unit else map(self.words, values)
        return [Tick(self(value * factor), label) for value, label in zip(values, labels, strict=True)]

    def title(self, label: str) -> str:
        """The axis's title: the label, with the unit in brackets."""
        return f"{label} ({self.unit.name})" if self.unit and self.unit.name else label


def _numbers(values: Sequence[float], *, log: bool) -> list[str]:
    """The ticks' numbers: thousands separated; on a linear axis all with the same decimals.

    >>> _numbers([0.75, 0.8], log=False), _numbers([0.5, 2000.0], log=True)
    (['0.75', '0.80'], ['0.5', '2,000'])
    """
    short = [f"{value:,.6g}" for value in values]
    if log or any("e" in text for text in short):
        return short
    digits = max((len(text.partition(".")[2]) for text in short), default=0)
    return [f"{value:,.{digits}f}" for value in values]


def covering(
    values: Sequence[float],
    *,
    start: float,
    end: float,
    words: Words,
    log: bool = False,
    unit: str | None = None,
) -> Scale:
    """An axis over all values with a margin on both sides; a single value is in its middle."""
    low, high = min(values), max(values)
    of = None if unit is None else unit_for(unit, values, log=log)
    if log:
        room = (high / low) ** 0.06 if high > low else 1.5
        return Scale(low / room, high * room, start, end, words, log=True, unit=of)
    room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return Scale(low - room, high + room, start, end, words, unit=of)


_MOST = 7
"""Ticks of a logarithmic axis."""


def _thinned(values: Sequence[float]) -> Sequence[float]:
    return values[:: math.ceil(len(values) / (_MOST + 1))]


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
"""Multiples of a power of ten, the finest first."""


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with as many multiples as there is room for; equal steps where the range is very short.

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
