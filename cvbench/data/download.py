"""Files from the network: fetched when a person asks for it, whole or not at all, and checked.

What has come is kept beside its place as `NAME.part`, and the next attempt goes on from there. A file
gets its name only when its SHA-256 is the one that was expected.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from http.client import HTTPException, HTTPMessage
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Final, Literal, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from cvbench.errors import InputError
from cvbench.files import sha256_of_file, sync

_CHUNK: Final = 1 << 20
_TIMEOUT_S: Final = 30.0
_PARTIAL: Final = 206
_UNSATISFIABLE: Final = 416


def download(url: str, path: Path, *, sha256: str | None, on_bytes: Callable[[int, int | None], None]) -> str:
    """Put what `url` gives at `path`; gives the SHA-256 of its content.

    `sha256` may be the first digits only. Where it is None, the hash that the server states of the
    content (`X-Linked-Etag`, as Hugging Face has it) is held against what came. `on_bytes` hears how
    many bytes are there, and of how many, if the server has told.

    Raises InputError where the server cannot be reached or refuses, where the folder cannot be
    written, and for content with another hash, which is removed.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stated = _fetch(url, part, on_bytes)
        found = sha256_of_file(part)
        wanted = sha256 or stated
        if wanted is not None and not found.startswith(wanted):
            part.unlink()
            raise InputError(
                f"{url}: what came has another SHA-256 than was expected, and is not kept:\n"
                f"  {found}, not\n  {wanted}"
            )
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
        sync(path.parent)
    except HTTPError as error:
        error.close()
        raise _failed(url, path, f"the server says {error.code} {error.reason}") from error
    except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
        raise _failed(url, path, str(getattr(error, "reason", error)) or type(error).__name__) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
    return found


def _fetch(url: str, part: Path, on_bytes: Callable[[int, int | None], None]) -> str | None:
    """Go on with the part that is there; gives the hash that the server states, if it does."""
    redirects = _Redirects()
    opener = build_opener(redirects)
    held = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={held}-"} if held else {})  # noqa: S310 - http only, by its callers
    try:
        answer = opener.open(request, timeout=_TIMEOUT_S)
    except HTTPError as error:
        if error.code != _UNSATISFIABLE:
            raise
        error.close()
        part.unlink()  # more than there is, or all of it from another time: from the beginning
        return _fetch(url, part, on_bytes)
    with answer, part.open("ab" if answer.status == _PARTIAL else "wb") as file:
        done = held if answer.status == _PARTIAL else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else None
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            on_bytes(done, total)
        if total is not None and done < total:
            raise ConnectionError(f"the connection ended after {done} of {total} bytes")
        return redirects.stated or _stated(answer.headers)


class _Redirects(HTTPRedirectHandler):
    """Follows redirects, and keeps what the first server said of the content."""

    stated: str | None = None

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        self.stated = self.stated or _stated(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _stated(headers: HTTPMessage) -> str | None:
    tag = headers.get("X-Linked-Etag", "").strip('"')
    return tag if len(tag) == hashlib.sha256().digest_size * 2 else None


def _failed(url: str, path: Path, why: str) -> InputError:
    return InputError(
        f"{url} could not be fetched: {why}.\n"
        f"  Without a network: fetch it elsewhere, put it at {path}, and give the command again."
    )


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
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError) as error:
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
