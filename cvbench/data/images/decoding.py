"""From a file's bytes to pixels: what Pillow makes of them, faster where they are a plain JPEG.

JPEGs in colour or grey go to libjpeg-turbo through simplejpeg; its pixels are Pillow's to the bit
(`tests/data/images/test_decoding.py`). Whatever it refuses, and every other format, is for Pillow to accept
or refuse: that is what timm and torchvision read their images with.

- Channels are RGB. Grey is repeated, palettes are looked up, transparency is dropped, CMYK is converted
  as Pillow does it.
- Only the formats that `formats` lists are opened, whatever a file is called: no other decoder sees its
  bytes.
- Samples of 32 bits, whole or floating, are refused, since nothing says which value is white.
- Of 16 bits a channel the upper 8 are kept. (Pillow's own conversion turns most of such pictures white.)
- An orientation in the EXIF data is not applied: boxes and published figures belong to the pixels as
  they are stored.
- An image of more than `MOST_PIXELS` is refused before it is unpacked.
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
"""134 megapixels: above any camera's picture in the public sets, and 400 MB when unpacked."""

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
"""Format → the plugin of Pillow that decodes it; the last one came with Pillow 11.3."""
_JPEG: Final = b"\xff\xd8\xff"
_PLAIN: Final = {"YCbCr", "Gray", "RGB"}
SIXTEEN_BITS: Final = {"I;16", "I;16B", "I;16L", "I;16N"}
"""Pillow's modes of one channel of 16 bits."""


@cache
def formats() -> tuple[str, ...]:
    """The formats that are opened: those of `_ALLOWED` that this Pillow can decode."""
    for plugin in _ALLOWED.values():
        with suppress(ImportError):
            import_module(f"PIL.{plugin}ImagePlugin")
    return tuple(name for name in _ALLOWED if name in Image.OPEN)


def decode_image(content: bytes, name: str) -> UInt8[Tensor, "3 h w"]:
    """The pixels of an image file, RGB; raises DataError with the file's `name` where there are none.

    The channels of one pixel lie side by side in memory (`channels_last`), as decoders write them.
    """
    pixels = _fast(content, name) if content.startswith(_JPEG) else None
    if pixels is None:
        with opened_image(content, name) as picture:
            pixels = _pixels(picture, name)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _fast(content: bytes, name: str) -> UInt8[np.ndarray, "h w 3"] | None:
    """A plain JPEG's pixels; None for what Pillow has to look at."""
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
    """The picture, its header read; whatever goes wrong inside the block is the file's fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of pixels, which are counted here, and of EXIF
            with Image.open(io.BytesIO(content), formats=formats()) as picture:
                _check_size(picture.height, picture.width, name)
                yield picture
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: {_TOO_LARGE} ({error})") from error
    except UnidentifiedImageError as error:
        begins = f"it begins with {content[:8]!r}" if content else "it is empty"
        raise DataError(f"{name}: is no image that can be read: {begins}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise DataError(f"{name}: cannot be decoded ({error})") from error


_TOO_LARGE = f"unpacks to more than {MOST_PIXELS:,} pixels, and is refused"


def _check_size(height: int, width: int, name: str) -> None:
    if height * width > MOST_PIXELS:
        raise DataError(f"{name}: {width} x {height} {_TOO_LARGE}")


def _pixels(picture: Image.Image, name: str) -> UInt8[np.ndarray, "h w 3"]:
    """RGB of any mode that says what its values mean."""
    sixteen = picture.mode in SIXTEEN_BITS or (picture.mode == "I" and picture.format in ("PNG", "PPM"))
    if picture.mode in ("I", "F") and not sixteen:
        kind = "floating-point" if picture.mode == "F" else "32-bit integer"
        raise DataError(
            f"{name}: has {kind} samples, and nothing says which value is white. Convert it to 8 or 16 bits."
        )
    return _upper_bytes(picture) if sixteen else np.array(_rgb(picture))


def _rgb(picture: Image.Image) -> Image.Image:
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _upper_bytes(picture: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    grey = np.clip(np.asarray(picture).astype(np.int64), 0, 65535) >> 8
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, 2)
