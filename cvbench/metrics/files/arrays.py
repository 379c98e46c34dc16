"""Arrays of numbers or strings from NumPy files; headers are validated before anything is decompressed.

An archive may decompress to `ROOM` bytes or to `RATIO` times its size, whichever is more, so that a small
file cannot fill memory. Object arrays (pickles) are never loaded.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from cvbench.data.annotations.json import read_bytes
from cvbench.errors import InputError

ROOM = 64 << 20
"""Bytes that any archive may decompress to."""
RATIO = 100
"""Maximum ratio of decompressed to compressed size of a larger archive."""

_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    rb"""\{\s*'descr':\s*'([<>|=]?[biufUS]\d{1,9})',\s*'fortran_order':\s*(True|False),"""
    rb"""\s*'shape':\s*\(((?:\s*\d{1,18}\s*,?)*)\s*\),?\s*\}\s*"""
)
"""NumPy's header dictionary with a simple dtype."""
_BY_LENGTH = {1: 2, 2: 4, 3: 4}
"""Number of bytes of the header length, by format version."""


def load_arrays(path: Path) -> dict[str, Shaped[np.ndarray, "..."]]:
    """The arrays of an .npz file by name, or the array of an .npy file under the name "".

    Raises InputError if the file is corrupt, decompresses to too much, or contains object arrays.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        return _load_archive(path)
    content = read_bytes(path)
    if not content.startswith(_MAGIC):
        raise InputError(f"{path}: not a NumPy .npy or .npz file")
    return {"": _array_of(path, "", content)}


def _load_archive(path: Path) -> dict[str, Shaped[np.ndarray, "..."]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members)
            contents = {member.filename: archive.read(member) for member in members}
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        raise InputError(f"{path}: corrupt .npz archive ({error})") from error
    return {name.removesuffix(".npy"): _array_of(path, name, content) for name, content in contents.items()}


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Raise InputError for too large members, or compression methods that NumPy does not write."""
    unpacked, limit = sum(member.file_size for member in members), max(ROOM, RATIO * path.stat().st_size)
    if unpacked > limit:
        raise InputError(
            f"{path}: decompresses to {unpacked:,} bytes; the limit for a file of "
            f"{path.stat().st_size:,} bytes is {limit:,}. Save it with numpy.savez, which does not compress."
        )
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
            raise InputError(
                f"{path}: {member.filename} has an unsupported compression method; save it with numpy.savez"
            )


def _array_of(path: Path, name: str, content: bytes) -> Shaped[np.ndarray, "..."]:
    """The array in the bytes of an .npy file."""
    place = f"{path}" + (f": {name}" if name else "")
    version = content[len(_MAGIC)] if content.startswith(_MAGIC) and len(content) > 12 else 0
    if version not in _BY_LENGTH:
        raise InputError(f"{place}: not a NumPy array: the magic string is missing")
    begin = len(_MAGIC) + 2 + _BY_LENGTH[version]
    end = begin + int.from_bytes(content[len(_MAGIC) + 2 : begin], "little")
    header = _HEADER.fullmatch(content[begin:end]) if end <= len(content) else None
    if header is None:
        found = content[begin : begin + 60].decode("latin-1").strip()
        raise InputError(
            f"{place}: not an array of numbers or strings ({found!r}). Save one without dtype=object."
        )
    dtype = np.dtype(header[1].decode("ascii")) if _is_type(header[1]) else None
    shape = tuple(int(side) for side in re.findall(rb"\d+", header[3]))
    if dtype is None or len(shape) > 32 or math.prod(shape) * dtype.itemsize != len(content) - end:
        raise InputError(
            f"{place}: corrupt: the header says {header[1].decode('ascii')} of shape {shape}, but "
            f"{len(content) - end:,} bytes follow"
        )
    numbers = np.frombuffer(content, dtype, offset=end)
    return numbers.reshape(shape, order="F" if header[2] == b"True" else "C")


def _is_type(descr: bytes) -> bool:
    """Whether NumPy has this dtype: numbers have a few sizes, strings any."""
    kind, size = re.sub(rb"[<>|=]", b"", descr)[:1].decode("ascii"), int(re.sub(rb"\D", b"", descr))
    known = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
    return size in known[kind] if kind in known else 0 < size < 1 << 20
