"""A JSON parser on bytes; compiled. It refuses what it does not support by returning position -1.

It refuses strings with an escape or non-ASCII characters, numbers of more than 19 digits, numbers whose
rounding is uncertain, and numbers outside the range of normal doubles. It accepts all other JSON, and
nothing that is not JSON.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float64, Int64, UInt8, UInt64

from cvbench.boxes.jit import compiled, inlined

Text: TypeAlias = UInt8[np.ndarray, " bytes"]
Powers: TypeAlias = UInt64[np.ndarray, "exponents 2"]

WHOLE, REAL, BOX = range(3)
"""Field types: a whole number of at most 18 digits; any number; a list of four numbers."""

LOWEST, HIGHEST = -342, 308
"""The decimal exponents for which a 64-bit integer times the power of ten can be a double."""

_QUOTE, _COMMA, _COLON, _MINUS, _PLUS, _DOT, _ZERO, _E = (ord(c) for c in '",:-+.0e')
_OPEN, _CLOSE, _BEGIN, _END = (ord(c) for c in "[]{}")
_LETTER_N, _LETTER_T, _BACKSLASH = (ord(c) for c in "nt\\")
_TAB, _LINE, _RETURN, _BLANK, _DELETE = 9, 10, 13, 32, 127
_TENS = np.array([10.0**exponent for exponent in range(23)])
"""All powers of ten that are exact doubles."""

_DEEPEST = 60
"""Maximum nesting depth; one bit per level must fit an int64."""


class Fields(NamedTuple):
    """The required fields of every entry."""

    names: Text
    starts: Int64[np.ndarray, " fields+1"]
    forms: Int64[np.ndarray, " fields"]
    columns: Int64[np.ndarray, " fields"]
    """Row of each field in the array of its type."""


class Columns(NamedTuple):
    """The values of the fields, by type."""

    whole: Int64[np.ndarray, "fields n"]
    real: Float64[np.ndarray, "fields n"]
    box: Float64[np.ndarray, "n 4"]
    """The values of at most one field."""


class Decimal(NamedTuple):
    """A parsed decimal number: `mantissa` times 10 ** `exponent`; `end` is the position after it."""

    end: int
    mantissa: np.uint64
    exponent: np.int64 | int
    negative: bool
    whole: bool
    """Whether it has no decimal point and no exponent."""


def powers_of_five() -> Powers:
    """The highest 128 bits of each power of five from LOWEST to HIGHEST; rounded up for negative exponents.

    Source: Lemire, Number Parsing at a Gigabyte per Second, 2021, https://arxiv.org/abs/2101.11408.
    """
    rows = []
    for exponent in range(LOWEST, HIGHEST + 1):
        power = 5 ** abs(exponent)
        if exponent < 0:
            size = power.bit_length()
            power = (1 << (size + 127 if exponent >= -27 else 2 * size + 128)) // power + 1
        surplus = power.bit_length() - 128
        power = power >> surplus if surplus > 0 else power << -surplus
        rows.append((power >> 64, power & (2**64 - 1)))
    return np.array(rows, np.uint64)


@inlined
def byte_at(text: Text, at: int) -> np.int64 | int:
    """The byte at `at`, or 0 outside the text."""
    place = np.uint64(at)  # -1 becomes a position beyond the end
    return np.int64(text[place]) if place < np.uint64(len(text)) else 0


@inlined
def past_space(text: Text, at: int) -> int:
    """Position of the next token."""
    byte = byte_at(text, at)
    while byte in (_BLANK, _LINE, _RETURN, _TAB):
        at += 1
        byte = byte_at(text, at)
    return at


@inlined
def past_string(text: Text, at: int) -> int:
    """Position after the string at `at`, or -1."""
    if byte_at(text, at) != _QUOTE:
        return -1
    at += 1
    byte = byte_at(text, at)
    while _BLANK <= byte < _DELETE and byte not in (_QUOTE, _BACKSLASH):
        at += 1
        byte = byte_at(text, at)
    return at + 1 if byte == _QUOTE else -1


@inlined
def past_colon(text: Text, at: int) -> int:
    """Position of the value after the name that ends at `at`, or -1."""
    at = past_space(text, at)
    return past_space(text, at + 1) if byte_at(text, at) == _COLON else -1


@inlined
def past_word(text: Text, at: int) -> int:
    """Position after null, true or false at `at`, or -1."""
    first = byte_at(text, at)
    word = b"null" if first == _LETTER_N else b"true" if first == _LETTER_T else b"false"
    for i in range(len(word)):
        if byte_at(text, at + i) != word[i]:
            return -1
    return at + len(word)


@inlined
def digits_at(text: Text, at: int, number: np.uint64) -> tuple[int, np.uint64]:
    """Position after the digits at `at`, and `number` with them appended (may overflow)."""
    digit = byte_at(text, at) - _ZERO
    while 0 <= digit < 10:
        number = number * np.uint64(10) + np.uint64(digit)
        at += 1
        digit = byte_at(text, at) - _ZERO
    return at, number


@inlined
def decimal_at(text: Text, at: int) -> Decimal:
    """The number at `at`; its `end` is -1 if it is refused."""
    refused = Decimal(-1, np.uint64(0), 0, False, False)
    negative = byte_at(text, at) == _MINUS
    first = at + 1 if negative else at
    at, mantissa = digits_at(text, first, np.uint64(0))
    digits, whole = at - first, True
    exponent: np.int64 | int = 0
    if digits == 0 or (digits > 1 and byte_at(text, first) == _ZERO):
        return refused
    if byte_at(text, at) == _DOT:
        point, whole = at, False
        at, mantissa = digits_at(text, point + 1, mantissa)
        exponent = point + 1 - at
        digits -= exponent
        if exponent == 0:
            return refused
    if digits > 19:  # leading zeros do not count
        while byte_at(text, first) == _ZERO or byte_at(text, first) == _DOT:
            digits -= byte_at(text, first) == _ZERO
            first += 1
        if digits > 19:
            return refused
    if byte_at(text, at) | 32 == _E:
        whole = False
        below = byte_at(text, at + 1) == _MINUS
        start = at + 2 if below or byte_at(text, at + 1) == _PLUS else at + 1
        at, power = digits_at(text, start, np.uint64(0))
        if not start < at < start + 5:
            return refused
        exponent += -np.int64(power) if below else np.int64(power)
    return Decimal(at, mantissa, exponent, negative, whole)


@inlined
def nearest_double(number: Decimal, powers: Powers) -> float:
    """The nearest double, ties to even; NaN if the rounding is uncertain.

    Source: Clinger, How to Read Floating Point Numbers Accurately, 1990, for short numbers, which need
    a single rounding; Lemire 2021 (see `powers_of_five`) for all others.
    """
    sign = -1.0 if number.negative else 1.0
    mantissa, exponent = number.mantissa, int(number.exponent)
    if mantissa == 0:
        return sign * 0.0
    if mantissa <= np.uint64(1 << 53) and -22 <= exponent <= 22:
        ten = _TENS[abs(exponent)]
        value = np.float64(mantissa)
        return float(sign * (value / ten if exponent < 0 else value * ten))
    if not LOWEST <= exponent <= HIGHEST:
        return np.nan
    zeros = 0
    while mantissa >> np.uint64(63) == 0:
        mantissa <<= np.uint64(1)
        zeros += 1
    high, low = product(mantissa, powers[exponent - LOWEST, 0])
    if high & np.uint64(0x1FF) == np.uint64(0x1FF):
        more, _ = product(mantissa, powers[exponent - LOWEST, 1])
        low += more
        high += np.uint64(low < more)
        if low == np.uint64(0xFFFFFFFFFFFFFFFF):
            return np.nan
    upper = high >> np.uint64(63)
    bits = high >> (upper + np.uint64(9))
    power = ((217706 * exponent) >> 16) + 63 - zeros
    power += 1 if upper else 0
    if not -1022 <= power <= 1022:
        return np.nan
    halfway = low <= np.uint64(1) and -4 <= exponent <= 23 and bits << (upper + np.uint64(9)) == high
    if halfway and bits & np.uint64(3) == np.uint64(1):  # a tie: round down to even
        bits ^= np.uint64(1)
    bits = (bits + (bits & np.uint64(1))) >> np.uint64(1)
    return sign * math.ldexp(np.float64(bits), power - 52)


@inlined
def product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The upper and lower 64 bits of a 128-bit product."""
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    a1, a0, b1, b0 = a >> half, a & mask, b >> half, b & mask
    low, cross = a0 * b0, a1 * b0
    middle = (low >> half) + (cross & mask) + a0 * b1
    return a1 * b1 + (cross >> half) + (middle >> half), (middle << half) | (low & mask)


@inlined
def past_value(text: Text, at: int) -> int:  # noqa: C901, PLR0912, one loop instead of recursion
    """Position after the value of any type at `at`, or -1."""
    depth, objects = 0, 0  # one bit per level: object or list
    while True:
        byte = byte_at(text, at)
        if byte in (_BEGIN, _OPEN):
            depth, objects = depth + 1, objects << 1 | (byte == _BEGIN)
            at = past_space(text, at + 1)
            if depth > _DEEPEST:
                return -1
            if byte_at(text, at) != (_END if objects & 1 else _CLOSE):
                at = past_colon(text, past_string(text, at)) if objects & 1 else at
                if at < 0:
                    return -1
                continue
        else:
            if byte == _QUOTE:
                at = past_string(text, at)
            elif byte == _MINUS or np.uint8(byte - _ZERO) < 10:
                at = decimal_at(text, at).end
            else:
                at = past_word(text, at)
            if at < 0 or depth == 0:
                return at
        at = past_space(text, at)
        while byte_at(text, at) == (_END if objects & 1 else _CLOSE):
            depth, objects = depth - 1, objects >> 1
            if depth == 0:
                return at + 1
            at = past_space(text, at + 1)
        if byte_at(text, at) != _COMMA:
            return -1
        at = past_space(text, at + 1)
        at = past_colon(text, past_string(text, at)) if objects & 1 else at
        if at < 0:
            return -1


@inlined
def field_at(text: Text, at: int, names: Text, starts: Int64[np.ndarray, " fields+1"], likely: int) -> int:
    """Index of the field whose quoted name is at `at`, or -1; `likely` is tried first."""
    if byte_at(text, at) != _QUOTE:
        return -1
    count = len(starts) - 1
    for turn in range(count):
        field = likely + turn if likely + turn < count else likely + turn - count
        start, size = starts[field], starts[field + 1] - starts[field]
        if byte_at(text, at + size + 1) == _QUOTE:
            same = 0
            while same < size and text[at + 1 + same] == names[start + same]:
                same += 1
            if same == size:
                return field
    return -1


@inlined
def past_box(text: Text, at: int, powers: Powers, box: Float64[np.ndarray, "n 4"], n: int) -> int:
    """Position after the list of four numbers at `at`, or -1; writes them to row `n` of `box`."""
    if byte_at(text, at) != _OPEN:
        return -1
    for i in range(4):
        number = decimal_at(text, past_space(text, at + 1))
        box[n, i] = nearest_double(number, powers)
        at = past_space(text, number.end)
        if np.isnan(box[n, i]) or byte_at(text, at) != (_CLOSE if i == 3 else _COMMA):
            return -1
    return at + 1


@inlined
def past_field(text: Text, at: int, form: int, powers: Powers, columns: Columns, column: int, n: int) -> int:
    """Position after a field's value at `at`, or -1; writes it as entry `n` of its column."""
    if form == BOX:
        return int(past_box(text, at, powers, columns.box, n))
    number = decimal_at(text, at)
    if form == REAL:
        columns.real[column, n] = nearest_double(number, powers)
        sound = not np.isnan(columns.real[column, n])
    else:
        columns.whole[column, n] = np.int64(number.mantissa) * (-1 if number.negative else 1)
        sound = number.whole and number.mantissa < np.uint64(10**18)
    return number.end if sound else -1


@inlined
def past_entry(text: Text, at: int, fields: Fields, powers: Powers, columns: Columns, n: int) -> int:
    """Position after the object at `at`, or -1; writes its fields as entry `n`."""
    names, starts, forms, places = fields
    if byte_at(text, at) != _BEGIN:
        return -1
    seen, field = 0, -1
    while byte_at(text, at) != _END:
        first = past_space(text, at + 1)
        field = field_at(text, first, names, starts, field + 1)
        if field < 0:
            at = past_value(text, past_colon(text, past_string(text, first)))
        else:
            twice = seen >> field & 1
            seen |= 1 << field
            at = past_colon(text, first + starts[field + 1] - starts[field] + 2)
            at = -1 if twice else past_field(text, at, forms[field], powers, columns, places[field], n)
        at = past_space(text, at)
        if byte_at(text, at) not in (_COMMA, _END):
            return -1
    return at + 1 if seen == (1 << len(forms)) - 1 else -1


@compiled
def entries(
    text: Text, at: int, end: int, fields: Fields, powers: Powers, columns: Columns
) -> tuple[np.int64, int]:
    """Parse the entries from `at` to `end`; returns their number and the end position, -1 if refused.

    The end position is that of the list's closing bracket, or of the first entry at or after `end`.
    """
    n = np.int64(0)  # a plain 0 has another numba type, and everything below would be compiled twice
    while 0 <= at < end:
        at = past_space(text, past_entry(text, at, fields, powers, columns, n))
        n += 1
        if byte_at(text, at) == _CLOSE:
            return n, at
        at = past_space(text, at + 1) if byte_at(text, at) == _COMMA else -1
    return n, at
