"""Archives from elsewhere, unpacked only where every member stays inside the folder.

The whole list is looked through before the first byte is written: a member whose path is absolute or
climbs out, a link, a device, or far more bytes than the archive could honestly hold refuses all of it.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final, Literal, NamedTuple

from cvbench.errors import InputError

_INFLATION: Final = 200
"""How many times its own size an archive may unpack to; photographs and annotations stay below 20."""
_SMALL: Final = 1 << 24
"""Archives that unpack to less are not held to that."""


class _Member(NamedTuple):
    name: str
    size: int
    plain: bool
    """A file or a folder, and nothing else."""


def unpack(archive: Path, folder: Path, *, packed: Literal["tar", "zip"]) -> int:
    """Unpack an archive into a folder, over files of the same names; gives the number of members.

    Raises InputError, and has written nothing, for an archive that is unsound or would write elsewhere.
    """
    try:
        if packed == "zip":
            with zipfile.ZipFile(archive) as content:
                count = _check(archive, map(_of_zip, content.infolist()))
                content.extractall(folder)  # noqa: S202 - looked through
        else:
            with tarfile.open(archive, "r:") as content_of_tar:
                count = _check(archive, map(_of_tar, content_of_tar.getmembers()))
                content_of_tar.extractall(folder, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise InputError(f"{archive}: cannot be unpacked ({error}); fetch it again") from error
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return count


def check_member(archive: Path, name: str, *, plain: bool) -> None:
    """Raise InputError for a name that leads out of a folder, and for what is no plain file or folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        raise InputError(f"{archive}: holds {name!r}, which leads out of the folder; refused")
    if not plain:
        raise InputError(f"{archive}: holds {name!r}, a link or a device; refused")


def _of_zip(member: zipfile.ZipInfo) -> _Member:
    kind = (member.external_attr >> 16) & 0o170000
    return _Member(member.filename, member.file_size, kind in (0, 0o100000, 0o040000))


def _of_tar(member: tarfile.TarInfo) -> _Member:
    return _Member(member.name, member.size, member.isfile() or member.isdir())


def _check(archive: Path, members: Iterable[_Member]) -> int:
    total = count = 0
    for member in members:
        check_member(archive, member.name, plain=member.plain)
        total, count = total + member.size, count + 1
    if total > max(_SMALL, _INFLATION * archive.stat().st_size):
        raise InputError(f"{archive}: would unpack to {total:,} bytes, far more than photographs do; refused")
    return count
