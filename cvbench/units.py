"""Formatting and parsing of quantities; internally, values are in seconds, bytes and fractions.

The formatted strings are for people only; no program parses them.
"""

from __future__ import annotations

import re

_DURATION = re.compile(r"(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|min|h)?")
_SECONDS_IN = {"ms": 1e-3, "s": 1.0, None: 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds(text: object) -> float:
    """Parse a duration (`30s`, `5m`, `1.5h`, `200ms`, or a plain number of seconds), in seconds.

    Raises ValueError for anything else, including a negative number.

    >>> seconds("5m"), seconds("200ms"), seconds(3)
    (300.0, 0.2, 3.0)
    """
    match = _DURATION.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write 30s, 5m, 1.5h or 200ms")
    return float(match["amount"]) * _SECONDS_IN[match["unit"]]


def show_seconds(value_s: float) -> str:
    """A duration with three significant digits, in a suitable unit.

    >>> show_seconds(0.00123), show_seconds(12.34), show_seconds(754), show_seconds(7540)
    ('1.23 ms', '12.3 s', '12 min 34 s', '2 h 05 min')
    """
    if value_s < 1e-3:
        return f"{_three(value_s * 1e6)} µs"
    if value_s < 1:
        return f"{_three(value_s * 1e3)} ms"
    if value_s < 100:
        return f"{_three(value_s)} s"
    minutes, rest = divmod(round(value_s), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def show_bytes(value: float) -> str:
    """An amount of memory in binary units.

    >>> show_bytes(512), show_bytes(3 * 2**20), show_bytes(1.5 * 2**30)
    ('512 B', '3.00 MiB', '1.50 GiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{_three(value)} {unit}"
        value /= 1024
    return f"{_three(value)} TiB"


def show_count(value: float) -> str:
    """A large count with a decimal prefix.

    >>> show_count(950), show_count(11_689_512), show_count(1.814e9)
    ('950', '11.7 M', '1.81 G')
    """
    for unit in ("", " k", " M", " G"):
        if value < 1000:
            return f"{value:.0f}" if not unit and value == int(value) else f"{_three(value)}{unit}"
        value /= 1000
    return f"{_three(value)} T"


def show_value(value: float, unit: str) -> str:
    """A measurement in its unit.

    >>> show_value(0.00123, "s"), show_value(0.81234, "fraction"), show_value(1234, "images/s")
    ('1.23 ms', '0.8123', '1.23 k images/s')
    """
    match unit:
        case "s":
            return show_seconds(value)
        case "bytes":
            return show_bytes(value)
        case "fraction":
            return f"{value:.4f}"
        case _:
            return f"{show_count(value)} {unit}"


def _three(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
