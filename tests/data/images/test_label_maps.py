"""Label maps keep the samples of their files, and void is what the user says."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cvbench.data.images.label_maps import LabelRule, classes_in, decode_labels, void_labels
from cvbench.errors import DataError, InputError


def png(samples, bits, color=0, palette=b""):
    """A PNG written byte by byte: rows of samples of 1 to 16 bits, grey (0) or of a palette (3)."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b""
    for row in samples:
        digits = "".join(f"{sample:0{bits}b}" for sample in row)
        digits += "0" * (-len(digits) % 8)
        rows += b"\0" + bytes(int(digits[k : k + 8], 2) for k in range(0, len(digits), 8))
    head = struct.pack(">IIBBBBB", len(samples[0]), len(samples), bits, color, 0, 0, 0)
    body = chunk(b"IHDR", head) + (chunk(b"PLTE", palette) if palette else b"")
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def saved(picture, form, **options):
    content = io.BytesIO()
    picture.save(content, form, **options)
    return content.getvalue()


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_png_keeps_its_samples_at_every_depth(bits):
    highest = min((1 << bits) - 1, 300)
    samples = [[0, 1, highest], [highest, 0, highest // 2]]

    assert decode_labels(png(samples, bits), "map.png").tolist() == samples
    if bits <= 8:
        palette = bytes(range(255, -1, -1)) * 3
        indexed = png(samples, bits, color=3, palette=palette[: 3 * (1 << bits)])
        assert decode_labels(indexed, "map.png").tolist() == samples


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_every_lossless_format_of_one_channel_is_read(form):
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert decode_labels(saved(Image.fromarray(labels), form), "map").tolist() == labels.tolist()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_colors_are_refused_with_a_remedy(mode):
    with pytest.raises(
        DataError, match=rf"map\.png: not a valid label map: it has {mode}, not one .*mode L or P"
    ):
        decode_labels(saved(Image.new(mode, (3, 3)), "PNG"), "map.png")


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_formats_that_change_values_are_refused(form):
    with pytest.raises(DataError, match=r"is lossy. Save it as PNG"):
        decode_labels(saved(Image.new("L", (9, 9)), form), "map.png")


@pytest.mark.parametrize(
    ("classes", "void", "labels", "expected"),
    [
        (2, {255}, [0, 1, 255], [0, 1, 255]),
        (2, {0}, [0, 1, 2], [255, 0, 1]),
        (7, {0}, [0, 1, 7], [255, 0, 6]),
        (2, {0, 255}, [0, 1, 2, 255], [255, 0, 1, 255]),
        (3, {1}, [0, 1, 2, 3], [0, 255, 1, 2]),
        (2, set(), [0, 1, 255], [0, 1, 1]),
        (3, set(), [0, 1, 2], [0, 1, 2]),
        (2, {65535}, [0, 1, 65535], [0, 1, 255]),
    ],
)
def test_class_k_is_the_label_at_place_k_of_those_that_count(classes, void, labels, expected):
    known, given = LabelRule.of(classes, frozenset(void)), np.array([labels], np.uint16)

    assert known.table[given].tolist() == [expected]
    assert known.strange(given) == []


def test_labels_that_are_neither_are_found():
    labels = np.array([[0, 1, 2, 255, 300]], np.uint16)

    assert LabelRule.of(2).strange(labels) == [2, 300]
    assert LabelRule.of(3, frozenset()).strange(labels) == [255, 300]


@pytest.mark.parametrize(
    ("labels", "void", "count"),
    [
        ((0, 255), {255}, 1), ((0, 4, 255), {255}, 5), ((0, 7), {0}, 7), ((0, 255), (), 2),
        ((0, 1, 255), (), 2), ((), {255}, 1), ((255,), {255}, 1),
    ],
)  # fmt: skip
def test_the_classes_of_maps_are_counted_without_void(labels, void, count):
    assert classes_in(labels, frozenset(void)) == count


@pytest.mark.parametrize(
    ("given", "void"),
    [
        (None, {255}),
        (0, {0}),
        ("none", set()),
        ("None", set()),
        ("0,255", {0, 255}),
        ([0, 9], {0, 9}),
        ("7", {7}),
    ],
)
def test_void_is_a_number_several_or_none(given, void):
    assert void_labels(given) == void


@pytest.mark.parametrize("given", ["black", -1, 1 << 16, True, 1.5, [], "1,x", ""])
def test_anything_else_is_no_void(given):
    with pytest.raises(InputError, match=r"is not a label.\n  Write the label of ignored pixels"):
        void_labels(given)
