"""Image files of every kind, and what is made of them: Pillow's pixels, or a message."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cvbench.data.images.decoding import MOST_PIXELS, decode_image
from cvbench.errors import DataError
from tests.data.datasets.trees.pixels import decoded, jpeg, pixels


def saved(picture: Image.Image, form: str, **options) -> bytes:
    content = io.BytesIO()
    picture.save(content, form, **options)
    return content.getvalue()


def hwc(content: bytes) -> np.ndarray:
    return decode_image(content, "it").permute(1, 2, 0).numpy()


@pytest.mark.parametrize("size", [(24, 32), (1, 1), (17, 33), (375, 500)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_has_the_pixels_of_pillow_to_the_bit(size, subsampling, progressive):
    content = jpeg(pixels(3, *size), quality=87, subsampling=subsampling, progressive=progressive)

    assert np.array_equal(hwc(content), decoded(content))


def test_noise_has_the_pixels_of_pillow_to_the_bit():
    noise = np.random.default_rng(0).integers(0, 256, (251, 333, 3), np.uint8)
    for quality in (5, 50, 100):
        content = jpeg(noise, quality=quality)
        assert np.array_equal(hwc(content), decoded(content))


def test_channels_are_red_green_blue():
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255

    assert hwc(jpeg(red))[0, 0].tolist() == [254, 0, 0]
    assert hwc(saved(Image.fromarray(red), "PNG"))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_grey_is_repeated(form):
    grey = Image.fromarray(pixels(1)[..., 0])
    content = saved(grey, form)

    assert np.array_equal(hwc(content), decoded(content))
    assert (hwc(content)[..., 0] == hwc(content)[..., 2]).all()


def test_cmyk_is_converted_as_pillow_does_it():
    content = saved(Image.fromarray(pixels(1)).convert("CMYK"), "JPEG", quality=95)

    assert np.array_equal(hwc(content), decoded(content))


def test_a_palette_is_looked_up():
    picture = Image.fromarray(pixels(1)).quantize(16)
    content = saved(picture, "PNG")

    assert np.array_equal(hwc(content), np.asarray(picture.convert("RGB")))


def test_transparency_is_dropped():
    color = pixels(1)
    alpha = np.full((24, 32, 1), 7, np.uint8)
    content = saved(Image.fromarray(np.concatenate([color, alpha], 2)), "PNG")

    assert np.array_equal(hwc(content), color)


def test_of_sixteen_bits_the_upper_eight_are_kept():
    values = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) * 85
    content = saved(Image.fromarray(values), "PNG")

    assert np.array_equal(hwc(content)[..., 1], (values >> 8).astype(np.uint8))
    assert (decoded(content) == 255).mean() > 0.9  # what Pillow's own conversion makes of it


def test_an_orientation_is_not_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, plain = jpeg(pixels(1), exif=exif.tobytes()), jpeg(pixels(1))

    assert np.array_equal(hwc(turned), hwc(plain))


def header_only_png(width: int, height: int) -> bytes:
    """A PNG that tells of so many pixels, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def header_only_jpeg(width: int, height: int) -> bytes:
    content = bytearray(jpeg(pixels(1)))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [header_only_png(20_000, 15_000), header_only_jpeg(20_000, 15_000), header_only_png(100_000, 100_000)],
)
def test_a_bomb_is_refused_before_it_is_unpacked(content):
    with pytest.raises(DataError, match=r"bomb: .*exceeds the limit of 134,217,728 pixels"):
        decode_image(content, "bomb")
    assert len(content) < 10_000
    assert MOST_PIXELS == 134_217_728


def test_a_truncated_file_is_refused():
    whole = jpeg(pixels(1, 240, 320))
    png = saved(Image.fromarray(pixels(1, 240, 320)), "PNG")

    for content in (whole[: len(whole) // 2], whole[:-20], png[: len(png) // 2], whole[:300]):
        with pytest.raises(DataError, match=r"^cut.jpg: (cannot be decoded|not a readable image)"):
            decode_image(content, "cut.jpg")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xd8\xff", b"\x80\x04\x95pickle", b"GIF89a"])
def test_what_is_no_image_is_refused(content):
    with pytest.raises(DataError, match=r"^x.jpg: (not a readable image|cannot be decoded)"):
        decode_image(content, "x.jpg")


def test_a_jpeg_with_rubbish_that_pillow_bears_is_borne():
    content = jpeg(pixels(1)) + b"rubbish behind the end"

    assert np.array_equal(hwc(content), decoded(content))


def test_a_png_by_the_name_of_a_jpeg_is_read():
    content = saved(Image.fromarray(pixels(1)), "PNG")

    assert np.array_equal(decode_image(content, "n02105855_2933.JPEG").permute(1, 2, 0).numpy(), pixels(1))


@pytest.mark.parametrize(("kind", "named"), [(np.float32, "floating-point"), (np.int32, "32-bit integer")])
def test_samples_whose_white_is_unknown_are_refused(kind, named):
    file = io.BytesIO()
    Image.fromarray(np.full((2, 2), 200, kind)).save(file, "TIFF")
    with pytest.raises(DataError, match=rf"scan\.tif: {named} samples.* Convert the image to 8 or 16 bits"):
        decode_image(file.getvalue(), "scan.tif")


def test_a_format_beyond_those_listed_is_refused_by_its_content():
    for content in (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", b"SIMPLE  =    T"):
        with pytest.raises(DataError, match="not a readable image"):
            decode_image(content, "picture.png")
