"""List the members of uncompressed tars, and of tars within a tar, from their headers.

Nothing is unpacked. Archives with suspicious members (paths outside, links, devices, sparse files) are errors
anyway.
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
"""Version of cache entries; other versions ignore them."""
_LONGEST_HEADER: Final = 1 << 20
"""Maximum size of an extended header in bytes; a name needs a thousand at most."""


class Member(NamedTuple):
    """A file within a tar."""

    name: str
    offset: int
    size: int


class Members(NamedTuple):
    """Members as columns."""

    names: PackedTexts
    offsets: Int64[np.ndarray, " n"]
    sizes: Int64[np.ndarray, " n"]


def list_members(archive: Path) -> list[Member]:
    """The files in an uncompressed tar, in its order.

    Raises DataError if it is not an uncompressed tar or is truncated, and InputError for members that are not
    allowed.
    """
    with _reading(archive) as file:
        return _members(archive, file, _whole(archive))


def list_nested(archive: Path) -> Members:
    """The files in the tars within a tar, named as in `n01440764.tar/n01440764_10026.JPEG`.

    The columns are cached, because there are a million headers, as `tars/<hash>-<version>.npz`: the hash is
    over the archive's size and time, and the names, offsets and sizes of its tars.

    Raises as `list_members`, and DataError if it contains anything other than tars.
    """
    with _reading(archive) as file:
        tars = _members(archive, file, _whole(archive))
        if strange := next((one.name for one in tars if not one.name.endswith(".tar")), None):
            raise DataError(f"{archive}: contains {strange}; only tar files are expected")
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
    """The opened archive; errors inside the block become DataErrors about the file."""
    try:
        with archive.open("rb", buffering=0) as file:
            yield cast("IO[bytes]", file)
    except OSError as error:
        raise DataError(f"{archive}: cannot be read ({error.strerror or error})") from error


def _whole(archive: Path) -> Member:
    return Member(archive.name, 0, archive.stat().st_size)


def _members(archive: Path, file: IO[bytes], tar: Member) -> list[Member]:
    """The files in a tar at an offset of a file, with offsets in that file."""
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
        raise DataError(f"{name}: not an uncompressed tar, or truncated ({error})") from error
    return found


def _state(archive: Path, tars: Sequence[Member]) -> str:
    """A hash that identifies the current state of an archive without reading all of it."""
    status = archive.stat()
    return hashlib.sha256(repr((status.st_size, status.st_mtime_ns, tars)).encode()).hexdigest()


class _Part:
    """A range of a file as a file object, for reading headers."""

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
