"""Rows read straight from JSON are what a decoder reads; whatever is not plainly sound is refused."""

import json
import struct

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cvbench.metrics.files import json_columns
from cvbench.metrics.files.json_columns import FieldKind, read_list

FIELDS = {"id": FieldKind.WHOLE, "flag": FieldKind.WHOLE, "score": FieldKind.REAL, "bbox": FieldKind.BOX}
MANY = settings(deadline=None)  # the first example compiles


class Entry(msgspec.Struct):
    id: int
    flag: int
    score: float
    bbox: tuple[float, float, float, float]


ENTRY = {"id": 7, "flag": 0, "score": 0.25, "bbox": [1.5, -2, 3e1, 0.125]}
DECODER = msgspec.json.Decoder(list[Entry])


@pytest.fixture(autouse=True)
def however_short(monkeypatch):
    monkeypatch.setattr(json_columns, "WORTH_IT", 0)


def flat(content: bytes) -> list[tuple[float, ...]] | None:
    """The rows of a text as tuples, zeros with their signs."""
    rows = read_list(content, FIELDS)
    if rows is None:
        return None
    (ids, flags), (scores,), boxes = rows
    columns = zip(ids.tolist(), flags.tolist(), scores.tolist(), boxes.tolist(), strict=True)
    return [(i, f, *map(struct.Struct("d").pack, [s, *box])) for i, f, s, box in columns]


def decoded(content: bytes) -> list[tuple[float, ...]]:
    """The same from a decoder that knows all of JSON."""
    pack = struct.Struct("d").pack
    return [(e.id, int(e.flag), *map(pack, [e.score, *e.bbox])) for e in DECODER.decode(content)]


def score(text: str) -> float | None:
    """The number that is read from a text, None where it is refused."""
    rows = read_list(b'[{"score":%s}]' % text.encode(), {"score": FieldKind.REAL})
    return None if rows is None else float(rows.real[0, 0])


@MANY
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(2.2250738585072014e-308)
@example(1.7976931348623157e308)
@example(-0.0)
def test_every_double_comes_back_from_its_shortest_text_or_is_refused(number):
    read = score(repr(number))
    assert read is None or struct.pack("d", read) == struct.pack("d", number)
    assert read is not None or not 1e-300 < abs(number) < 1e300


@MANY
@given(st.integers(0, 10**19 - 1), st.integers(-330, 300), st.booleans())
@example(9007199254740993, 0, False)  # halfway between two doubles, below the odd one
@example(9007199254740995, 0, True)
@example(9223372036854776833, 0, False)  # a little above halfway
@example(1 << 63, 0, False)
def test_a_number_is_the_double_nearest_to_it(mantissa, exponent, negative):
    text = f"{'-' * negative}{mantissa}e{exponent}"
    read = score(text)
    assert read is None or read == float(text)
    assert read is not None or not 1e-300 < float(mantissa) * 10.0**exponent < 1e300


def test_a_hundred_thousand_numbers_are_the_doubles_nearest_to_them():
    draw = np.random.default_rng(0)
    mantissas = draw.integers(0, 10 ** draw.integers(1, 19, 100_000), dtype=np.int64)
    points, exponents = draw.integers(1, 19, 100_000), draw.integers(-40, 41, 100_000)
    texts = [
        f"{m // 10**p}.{m % 10**p:0{p}d}" + (f"e{e}" if e % 3 else "")
        for m, p, e in zip(mantissas.tolist(), points.tolist(), exponents.tolist(), strict=True)
    ]
    rows = read_list(
        ("[" + ", ".join(f'{{"score": {t}}}' for t in texts) + "]").encode(), {"score": FieldKind.REAL}
    )
    assert rows is not None
    assert rows.real[0].tolist() == [float(text) for text in texts]


@pytest.mark.parametrize("text", ["1e999", "1e-999", "12345678901234567890", "0.1234567890123456789012"])
def test_a_number_that_is_too_long_or_no_normal_double_is_refused(text):
    assert score(text) is None
    assert score("0.00000000000000000001234567890123456789") == 1.234567890123456789e-20


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "--1", "+1", ".5", "5.", "01", "-01", "1e", "1e+", "1.e5", "0x10", "1_0", "1 2", "1,"),
        *("NaN", "Infinity", "null", "tru", '"1"', "[1]"),
    ],
)
def test_what_is_no_number_is_refused(text):
    assert score(text) is None


SOUND = [
    [ENTRY],
    [ENTRY, {**ENTRY, "flag": -0, "id": -3}, {**ENTRY, "flag": 1, "score": -0.0}],
    [{"name": "cat", **ENTRY, "more": {"deep": [[], {}, [1, "x", None, {"a": [True]}]]}, "last": 1e5}],
    [dict(reversed(ENTRY.items()))] * 3,
    [{**ENTRY, "id": 10**18 - 1}, {**ENTRY, "id": 1 - 10**18}],
]


@pytest.mark.parametrize("entries", SOUND)
@pytest.mark.parametrize("indent", [None, 0, 3])
def test_sound_entries_are_read_however_they_are_spaced(entries, indent):
    content = b"\r\n\t " + json.dumps(entries, indent=indent).encode() + b"\n"
    assert flat(content) == decoded(content)


@pytest.mark.parametrize("piece", [1, 50, 90, 200])
def test_where_a_piece_ends_does_not_matter(monkeypatch, piece):
    monkeypatch.setattr(json_columns, "PIECE", piece)
    content = json.dumps([{**ENTRY, "id": i, "score": i / 7} for i in range(50)]).encode()
    assert flat(content) == decoded(content)


@pytest.mark.parametrize("trap", ['"}, {"', [{"a": 1}, {"a": 2}], [{**ENTRY}, {**ENTRY}]])
def test_what_only_seems_to_be_an_entry_deceives_nobody(monkeypatch, trap):
    monkeypatch.setattr(json_columns, "PIECE", 20)
    content = json.dumps([{"trap": trap, **ENTRY, "id": i} for i in range(5)]).encode()
    assert flat(content) in (None, decoded(content))


UNSOUND = [
    b"",
    b"[]",
    b"{}",
    b"[1]",
    b"[{}]",
    b"[{,}]",
    json.dumps([ENTRY]).encode()[:-1],
    json.dumps([ENTRY]).encode()[:-2],
    json.dumps([ENTRY]).encode() + b"]",
    json.dumps([ENTRY]).encode().replace(b"}]", b"},]"),
    json.dumps([ENTRY]).encode().replace(b"}]", b",}]"),
    json.dumps([ENTRY, ENTRY]).encode().replace(b"}, {", b"} {"),
    json.dumps([ENTRY]).encode().replace(b'"id": 7', b'"id": 7, "id": 7'),
    json.dumps([ENTRY]).encode().replace(b'"id": 7', b'"id" 7'),
    json.dumps([ENTRY]).encode().replace(b'"flag": 0', b'"flag": false'),
    json.dumps([{**ENTRY, "id": 10**18}]).encode(),
    json.dumps([{**ENTRY, "id": 7.0}]).encode(),
    json.dumps([{**ENTRY, "id": True}]).encode(),
    json.dumps([{**ENTRY, "bbox": [1, 2, 3]}]).encode(),
    json.dumps([{**ENTRY, "bbox": [1, 2, 3, 4, 5]}]).encode(),
    json.dumps([{**ENTRY, "bbox": None}]).encode(),
    json.dumps([{**ENTRY, "score": "0.5"}]).encode(),
    json.dumps([{**ENTRY, "name": "caf\u00e9"}]).encode(),
    json.dumps([{**ENTRY, "name": "café"}], ensure_ascii=False).encode(),
    json.dumps([{**ENTRY, "name": "a\nb"}]).encode().replace(b"\\n", b"\n"),
    *(
        json.dumps([ENTRY]).encode().replace(b"{", b'{"x": ' + text + b", ")
        for text in (b"[1,]", b"[,1]", b"{1: 2}", b'{"a"}', b'{"a": }', b"[1 2]", b"nul", b"[}", b"{]", b"01")
    ),
    *(json.dumps([{key: v for key, v in ENTRY.items() if key != name}]).encode() for name in ENTRY),
]


@pytest.mark.parametrize("content", UNSOUND)
def test_what_is_not_plainly_sound_is_refused(content):
    assert flat(content) is None


@MANY
@given(
    st.sampled_from(SOUND).map(lambda entries: json.dumps(entries).encode()),
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 3), st.sampled_from(list(b'{}[],:"0-.etf \\\x00\xc3'))),
        min_size=1,
        max_size=3,
    ),
)
def test_a_text_in_which_letters_are_wrong_is_read_as_the_decoder_reads_it_or_refused(content, changes):
    text = bytearray(content)
    for place, removed, letter in changes:
        text[place % len(text) : place % len(text) + removed] = bytes([letter])
    rows = flat(bytes(text))
    assert rows is None or rows == decoded(bytes(text))


def test_a_short_text_is_left_to_the_decoder(monkeypatch):
    monkeypatch.setattr(json_columns, "WORTH_IT", 1 << 20)
    assert read_list(json.dumps([ENTRY]).encode(), FIELDS) is None
