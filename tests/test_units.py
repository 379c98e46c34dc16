"""Quantities as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvbench.units import seconds, show_bytes, show_count, show_seconds


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("200ms", 0.2),
        ("30s", 30.0),
        ("30 s", 30.0),
        (" 5m ", 300.0),
        ("5min", 300.0),
        ("1.5h", 5400.0),
        ("7", 7.0),
        (7, 7.0),
        (0.25, 0.25),
    ],
)
def test_a_duration_that_a_person_wrote_is_seconds(written, value):
    assert seconds(written) == value


@pytest.mark.parametrize(
    "written", ["", "5 parsecs", "-5s", "-1", "s", "1e3", "5m30s", "nan", "inf", True, None, [1]]
)
def test_anything_else_is_no_duration(written):
    with pytest.raises(ValueError, match=r"is not a duration; write 30s, 5m, 1\.5h or 200ms"):
        seconds(written)


@given(st.integers(0, 10**6))
def test_a_plain_number_is_seconds_already(number):
    assert seconds(number) == seconds(str(number)) == seconds(f"{number}s") == number


@pytest.mark.parametrize(
    ("value_s", "shown"),
    [
        (0.0, "0.00 µs"),
        (12e-6, "12.0 µs"),
        (0.00123, "1.23 ms"),
        (0.25, "250 ms"),
        (1.0, "1.00 s"),
        (99.94, "99.9 s"),
        (100.0, "1 min 40 s"),
        (3599.4, "59 min 59 s"),
        (7540, "2 h 05 min"),
    ],
)
def test_a_duration_is_shown_in_the_unit_that_fits(value_s, shown):
    assert show_seconds(value_s) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (11 * 2**20, "11.0 MiB"), (2**40, "1.00 TiB")],
)
def test_memory_is_shown_in_binary_units(value, shown):
    assert show_bytes(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (0.5, "0.50"),
        (1000, "1.00 k"),
        (61_100_840, "61.1 M"),
        (4.09e9, "4.09 G"),
        (2e12, "2.00 T"),
    ],
)
def test_a_count_is_shown_with_a_decimal_prefix(value, shown):
    assert show_count(value) == shown


@given(st.floats(1e-6, 1e6))
def test_what_is_shown_is_within_one_percent(value_s):
    factors = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
    words = show_seconds(value_s).split()
    total = sum(float(amount) * factors[unit] for amount, unit in zip(words[::2], words[1::2], strict=True))
    assert total == pytest.approx(value_s, rel=0.01)
