"""Download files on request: complete or not at all, with a hash check.

Partial content is stored as `NAME.part`, and the next attempt resumes from it. A file gets its final name
only after its SHA-256 is verified.
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
    """Download `url` to `path` and return the SHA-256 of its content.

    `sha256` may be only the first digits. If it is None, the content is compared with the hash that the
    server states (`X-Linked-Etag`, as on Hugging Face). `on_bytes` is called with the number of bytes so far,
    and the total if the server states it.

    Raises InputError if the server cannot be reached or refuses, if the folder cannot be written, and for
    content with a wrong hash, which is removed.
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
                f"{url}: the SHA-256 of the download is wrong; the file was discarded:\n"
                f"  found    {found}\n  expected {wanted}"
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
    """Resume a partial download; returns the hash that the server states, if any."""
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
        part.unlink()  # longer than the file, or complete from an earlier version: start again
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
    """Follows redirects, and keeps the content headers of the first server."""

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
"""Maximum unpacked size, as a multiple of the archive's size; real datasets stay below 20."""
_SMALL: Final = 1 << 24
"""Smaller unpacked sizes in bytes are always allowed."""


class _Member(NamedTuple):
    name: str
    size: int
    plain: bool
    """A member of an archive: a file or a folder."""


def unpack(archive: Path, folder: Path, *, packed: Literal["tar", "zip"]) -> int:
    """Unpack an archive into a folder, overwriting files, and return the number of members.

    Raises InputError, before it writes anything, for an archive that is damaged or has members outside the
    folder.
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
    """Raise InputError for a name that points outside the folder, and for a link or device."""
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        raise InputError(f"{archive}: contains {name!r}, which points outside the folder; not unpacked")
    if not plain:
        raise InputError(f"{archive}: contains {name!r}, a link or a device; not unpacked")


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
        raise InputError(f"{archive}: would unpack to {total:,} bytes, too much for its size; not unpacked")
    return count
