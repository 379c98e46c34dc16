"""The IDX format of MNIST and its successors: a magic number, the sizes, then bytes.

    offset 0   2 bytes of zero, the type of an entry (8: unsigned byte), the number of dimensions
    offset 4   one size a dimension, 4 bytes each, the highest first
    then       the entries, the last dimension running fastest

Source: the format's description on the MNIST page (LeCun, Cortes, Burges 1998).
"""

from __future__ import annotations

import gzip
import math
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from cvbench.errors import DataError

_UNSIGNED_BYTE = 8
_MOST_ENTRIES = 2**31
"""Far above any set of this kind; a damaged header must not ask for more memory than there is."""


def read_idx(path: Path, *, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """The bytes of an IDX file, plain or compressed (`.gz`), in its own shape.

    Raises DataError, which names the file, where it is not an IDX file of unsigned bytes with so
    many dimensions, or where it holds less or more than its header says.
    """
    try:
        with _opened(path) as file:
            shape = _read_header(file, path, dimensions)
            expected = math.prod(shape)
            if expected > _MOST_ENTRIES:
                raise DataError(f"{path}: the header tells of {expected:,} bytes, more than can be read")
            content = file.read(expected + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: cannot be decompressed ({error}); fetch it again") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(content) != expected:
        kind = "truncated" if len(content) < expected else "longer than its header says"
        found = f"{len(content):,}" if len(content) < expected else "more"
        raise DataError(f"{path}: {kind}; {expected:,} bytes of {_by(shape)} expected, {found} found")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _opened(path: Path) -> BufferedIOBase:
    return gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")


def _read_header(file: BufferedIOBase, path: Path, dimensions: int) -> tuple[int, ...]:
    expected = bytes((0, 0, _UNSIGNED_BYTE, dimensions))
    magic = file.read(4)
    if magic != expected:
        raise DataError(
            f"{path}: not an IDX file of {dimensions} dimensions; "
            f"it starts with 0x{magic.hex()}, not with the magic number 0x{expected.hex()}"
        )
    sizes = file.read(4 * dimensions)
    if len(sizes) != 4 * dimensions:
        raise DataError(f"{path}: truncated within its header")
    return tuple(int.from_bytes(sizes[at : at + 4], "big") for at in range(0, len(sizes), 4))


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
