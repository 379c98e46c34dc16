"""Decode image files to the same pixels as Pillow, with a faster decoder for ordinary JPEGs.

libjpeg-turbo decodes color and gray JPEGs, through simplejpeg; its pixels equal Pillow's bit by bit
(`tests/data/images/test_decoding.py`). Pillow, the decoder of timm and torchvision, decodes all other files.

- The result is RGB. Gray is repeated, palettes are converted, transparency is dropped, CMYK is converted as
  in Pillow.
- Only the formats of `formats` are decoded, whatever the file's extension.
- 32-bit samples, integer or float, are errors: their white level is undefined.
- Of 16 bits per channel, the upper 8 are kept. (Pillow's own conversion turns most of these images white.)
- EXIF orientation is not applied: boxes and published results refer to the pixels as stored.
- An image of more than `MOST_PIXELS` is an error, before it is unpacked.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from typing import Final

import numpy as np
import simplejpeg
import torch
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from cvbench.errors import DataError

MOST_PIXELS: Final = 1 << 27
"""134 megapixels: more than any photo in the public datasets, and 400 MB when unpacked."""

_ALLOWED: Final = {
    "JPEG": "Jpeg",
    "MPO": "Mpo",
    "PNG": "Png",
    "PPM": "Ppm",
    "BMP": "Bmp",
    "GIF": "Gif",
    "TIFF": "Tiff",
    "WEBP": "WebP",
    "JPEG2000": "Jpeg2K",
    "AVIF": "Avif",
}
"""Format → Pillow's plugin; the last one needs Pillow 11.3."""
_JPEG: Final = b"\xff\xd8\xff"
_PLAIN: Final = {"YCbCr", "Gray", "RGB"}
SIXTEEN_BITS: Final = {"I;16", "I;16B", "I;16L", "I;16N"}
"""Pillow's modes with one 16-bit channel."""


@cache
def formats() -> tuple[str, ...]:
    """The accepted formats: the part of `_ALLOWED` that this version of Pillow can decode."""
    for plugin in _ALLOWED.values():
        with suppress(ImportError):
            import_module(f"PIL.{plugin}ImagePlugin")
    return tuple(name for name in _ALLOWED if name in Image.OPEN)


def decode_image(content: bytes, name: str) -> UInt8[Tensor, "3 h w"]:
    """The RGB pixels of an image file; raises DataError with the file's `name` if it cannot be decoded.

    The memory layout is `channels_last`, as decoders write it.
    """
    pixels = _fast(content, name) if content.startswith(_JPEG) else None
    if pixels is None:
        with opened_image(content, name) as picture:
            pixels = _pixels(picture, name)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _fast(content: bytes, name: str) -> UInt8[np.ndarray, "h w 3"] | None:
    """The pixels of an ordinary JPEG; None if Pillow has to decode the file."""
    try:
        height, width, colors, _ = simplejpeg.decode_jpeg_header(content)
        if colors not in _PLAIN:
            return None
        _check_size(height, width, name)
        pixels: UInt8[np.ndarray, "h w 3"] = simplejpeg.decode_jpeg(content, colorspace="RGB")
    except ValueError:
        return None
    return pixels


@contextmanager
def opened_image(content: bytes, name: str) -> Iterator[Image.Image]:
    """The opened image; errors inside the block become DataErrors about the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's warnings about EXIF and size, which is checked here
            with Image.open(io.BytesIO(content), formats=formats()) as picture:
                _check_size(picture.height, picture.width, name)
                yield picture
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: {_TOO_LARGE} ({error})") from error
    except UnidentifiedImageError as error:
        begins = f"it begins with {content[:8]!r}" if content else "it is empty"
        raise DataError(f"{name}: not a readable image: {begins}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise DataError(f"{name}: cannot be decoded ({error})") from error


_TOO_LARGE = f"exceeds the limit of {MOST_PIXELS:,} pixels"


def _check_size(height: int, width: int, name: str) -> None:
    if height * width > MOST_PIXELS:
        raise DataError(f"{name}: {width} x {height} {_TOO_LARGE}")


def _pixels(picture: Image.Image, name: str) -> UInt8[np.ndarray, "h w 3"]:
    """Convert any mode with a defined white level to RGB."""
    sixteen = picture.mode in SIXTEEN_BITS or (picture.mode == "I" and picture.format in ("PNG", "PPM"))
    if picture.mode in ("I", "F") and not sixteen:
        kind = "floating-point" if picture.mode == "F" else "32-bit integer"
        raise DataError(
            f"{name}: {kind} samples have no defined white level. Convert the image to 8 or 16 bits."
        )
    return _upper_bytes(picture) if sixteen else np.array(_rgb(picture))


def _rgb(picture: Image.Image) -> Image.Image:
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _upper_bytes(picture: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    grey = np.clip(np.asarray(picture).astype(np.int64), 0, 65535) >> 8
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, 2)
