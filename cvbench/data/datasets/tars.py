"""What lies in uncompressed tars, and in tars within one: names and places, read from the headers alone.

Nothing is unpacked, so no name in an archive leads anywhere. An archive that holds what no publisher's
does, a path that climbs out, a link, a device, a file with holes, is refused all the same.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, NamedTuple, cast

import numpy as np
from jaxtyping import Int64

from cvbench.data.datasets.cache import PackedTexts, read_cache, write_cache
from cvbench.data.download import check_member
from cvbench.errors import DataError
from cvbench.spec.folders import cache_folder

_VERSION: Final = 1
"""Of what is kept; another version reads no entry of this one."""
_LONGEST_HEADER: Final = 1 << 20
"""Bytes of an extended header that are read; a name needs a thousand at most."""


class Member(NamedTuple):
    """A file within a tar."""

    name: str
    offset: int
    size: int


class Members(NamedTuple):
    """Many of them, as columns."""

    names: PackedTexts
    offsets: Int64[np.ndarray, " n"]
    sizes: Int64[np.ndarray, " n"]


def list_members(archive: Path) -> list[Member]:
    """The files in an uncompressed tar, in its order.

    Raises DataError where it is no such tar or ends too early, and InputError for what it must not hold.
    """
    with _reading(archive) as file:
        return _members(archive, file, _whole(archive))


def list_nested(archive: Path) -> Members:
    """The files in the tars that a tar holds, named as in `n01440764.tar/n01440764_10026.JPEG`.

    A million headers are not read twice: the columns are kept in the cache folder, as
    `tars/<hash>-<version>.npz`: of the archive's size and time, and of the names, places and sizes of the
    tars in it.

    Raises as `list_members`, and DataError where something else than tars lies in it.
    """
    with _reading(archive) as file:
        tars = _members(archive, file, _whole(archive))
        if strange := next((one.name for one in tars if not one.name.endswith(".tar")), None):
            raise DataError(f"{archive}: holds {strange}, and should hold tars only")
        kept = cache_folder() / "tars" / f"{_state(archive, tars)}-{_VERSION}.npz"
        fields = read_cache(kept, Members._fields)
        if fields is not None:
            return Members(**fields)
        found = [
            Member(f"{PurePosixPath(tar.name).name}/{one.name}", one.offset, one.size)
            for tar in tars
            for one in _members(archive, file, tar)
        ]
    members = columns(found)
    write_cache(kept, members._asdict())
    return members


def columns(members: Sequence[Member]) -> Members:
    """Members as columns, in their order."""
    return Members(
        PackedTexts.of(one.name for one in members),
        np.array([one.offset for one in members], np.int64),
        np.array([one.size for one in members], np.int64),
    )


@contextmanager
def _reading(archive: Path) -> Iterator[IO[bytes]]:
    """The archive, opened; what goes wrong inside the block is the file's fault."""
    try:
        with archive.open("rb", buffering=0) as file:
            yield cast("IO[bytes]", file)
    except OSError as error:
        raise DataError(f"{archive}: cannot be read ({error.strerror or error})") from error


def _whole(archive: Path) -> Member:
    return Member(archive.name, 0, archive.stat().st_size)


def _members(archive: Path, file: IO[bytes], tar: Member) -> list[Member]:
    """The files in a tar that lies in a file; their places are in that file."""
    part: Any = _Part(file, tar)
    found = []
    try:
        with tarfile.open(fileobj=part, mode="r:") as content:
            for one in content:
                check_member(archive, one.name, plain=one.isdir() or (one.isreg() and not one.issparse()))
                if not one.isdir():
                    found.append(Member(one.name, tar.offset + one.offset_data, one.size))
    except (tarfile.TarError, EOFError) as error:
        name = f"{archive}: {tar.name}" if tar.offset else f"{archive}"
        raise DataError(f"{name}: is no uncompressed tar, or not all of one ({error})") from error
    return found


def _state(archive: Path, tars: Sequence[Member]) -> str:
    """What tells one archive, as it is now, from others without reading all of it."""
    status = archive.stat()
    return hashlib.sha256(repr((status.st_size, status.st_mtime_ns, tars)).encode()).hexdigest()


class _Part:
    """A stretch of a file as a file of its own, of which only headers are read."""

    def __init__(self, file: IO[bytes], stretch: Member) -> None:
        self._file, self._stretch, self._position = file, stretch, 0

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        self._position = position
        return position

    def read(self, count: int) -> bytes:
        count = min(count, self._stretch.size - self._position)
        if count <= 0:
            return b""
        if count > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {count:,} bytes")
        self._file.seek(self._stretch.offset + self._position)
        content = self._file.read(count)
        self._position += len(content)
        return content
