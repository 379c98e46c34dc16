"""Plain arrays in NumPy's files: what a file says of itself is checked before any of it is unpacked.

An archive may unpack to `ROOM` bytes, or to `RATIO` times its own size, whichever is more: a few
kilobytes that unpack to gigabytes are refused. Numbers and texts are read; objects never are.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from cvbench.data.annotations.json import read_bytes
from cvbench.errors import InputError

ROOM = 64 << 20
"""Bytes that any archive may unpack to …"""
RATIO = 100
"""… and how many times its own size a larger one may."""

_MAGIC = b"\x93NUMPY"
_HEADER = re.compile(
    rb"""\{\s*'descr':\s*'([<>|=]?[biufUS]\d{1,9})',\s*'fortran_order':\s*(True|False),"""
    rb"""\s*'shape':\s*\(((?:\s*\d{1,18}\s*,?)*)\s*\),?\s*\}\s*"""
)
"""The dictionary that NumPy writes, with a plain type."""
_BY_LENGTH = {1: 2, 2: 4, 3: 4}
"""Bytes of the header's length, by version."""


def load_arrays(path: Path) -> dict[str, Shaped[np.ndarray, "..."]]:
    """The arrays of an .npz file by name, or that of an .npy file under the name "".

    Raises InputError where the file is damaged, unpacks to too much, or holds anything but plain arrays.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        return _load_archive(path)
    content = read_bytes(path)
    if not content.startswith(_MAGIC):
        raise InputError(f"{path}: holds no plain arrays: it is neither an .npy nor an .npz file of NumPy")
    return {"": _array_of(path, "", content)}


def _load_archive(path: Path) -> dict[str, Shaped[np.ndarray, "..."]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(path, members)
            contents = {member.filename: archive.read(member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise InputError(f"{path}: holds no plain arrays: a damaged archive ({error})") from error
    return {name.removesuffix(".npy"): _array_of(path, name, content) for name, content in contents.items()}


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Before anything is unpacked: sizes, and ways of packing that NumPy never writes."""
    unpacked, limit = sum(member.file_size for member in members), max(ROOM, RATIO * path.stat().st_size)
    if unpacked > limit:
        raise InputError(
            f"{path}: unpacks to {unpacked:,} bytes, and {limit:,} are the limit for a file of "
            f"{path.stat().st_size:,} bytes. Save it with numpy.savez, which does not pack."
        )
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
            raise InputError(f"{path}: {member.filename} is packed in a way that NumPy does not write")


def _array_of(path: Path, name: str, content: bytes) -> Shaped[np.ndarray, "..."]:
    """The array that the bytes of an .npy file are."""
    place = f"{path}: holds no plain arrays" + (f": {name}" if name else "")
    version = content[len(_MAGIC)] if content.startswith(_MAGIC) and len(content) > 12 else 0
    if version not in _BY_LENGTH:
        raise InputError(f"{place}: it does not begin as NumPy's arrays do")
    begin = len(_MAGIC) + 2 + _BY_LENGTH[version]
    end = begin + int.from_bytes(content[len(_MAGIC) + 2 : begin], "little")
    header = _HEADER.fullmatch(content[begin:end]) if end <= len(content) else None
    if header is None:
        found = content[begin : begin + 60].decode("latin-1").strip()
        raise InputError(
            f"{place}: its header names no plain type and shape ({found!r}). Save numbers or texts."
        )
    dtype = np.dtype(header[1].decode("ascii")) if _is_type(header[1]) else None
    shape = tuple(int(side) for side in re.findall(rb"\d+", header[3]))
    if dtype is None or len(shape) > 32 or math.prod(shape) * dtype.itemsize != len(content) - end:
        raise InputError(
            f"{place}: {len(content) - end:,} bytes follow a header that says {header[1].decode('ascii')} "
            f"of shape {shape}"
        )
    numbers = np.frombuffer(content, dtype, offset=end)
    return numbers.reshape(shape, order="F" if header[2] == b"True" else "C")


def _is_type(descr: bytes) -> bool:
    """Whether NumPy has a type of this name: a number's size is one of a few, a text's is any."""
    kind, size = re.sub(rb"[<>|=]", b"", descr)[:1].decode("ascii"), int(re.sub(rb"\D", b"", descr))
    known = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
    return size in known[kind] if kind in known else 0 < size < 1 << 20
