"""Files that are either whole or absent, and the hashes by which they are known."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from tempfile import mkstemp
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from cvbench.errors import InputError, StoreError

_UMASK = os.umask(0)  # it can be read only by setting it
os.umask(_UMASK)

_HALF_WRITTEN: Final = re.compile(r"\..+\.[a-z0-9_]{8}")
"""The names that `write_whole` gives to files that it has not finished."""


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path`, so that a reader, a crash or a power cut sees all of it or nothing.

    It is written beside its place, flushed to the disk, and renamed over whatever was there. Raises
    OSError as the file system gives it; then nothing has changed and nothing is left behind.
    """
    name = None
    try:
        handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(
                handle, 0o666 & ~_UMASK
            )  # as any other new file; temporary ones are for their owner alone
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        sync(path.parent)
    except BaseException as error:
        if name is not None:
            with suppress(OSError):
                Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def sweep(folder: Path) -> None:
    """Remove what `write_whole` left half written in a folder when its process was killed."""
    with suppress(OSError):
        for path in folder.iterdir():
            if _HALF_WRITTEN.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                path.unlink()


class NotAFile(OSError):
    """A pipe, a device, a socket or a folder where a file was expected."""


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading; every input that a user names is opened here.

    Reading a pipe or a device may wait or go on for ever, so they are not read: raises NotAFile, an OSError
    like all others of a file that cannot be opened.
    """
    if "\0" in str(path):
        raise NotAFile(errno.EINVAL, "no file's name holds a null character", str(path))
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise NotAFile(errno.EINVAL, "not a regular file but a pipe or a device", str(path))
    return os.fdopen(handle, "rb")


def read_regular(path: Path) -> bytes:
    """The content of a file, as `open_regular` opens it."""
    with open_regular(path) as file:
        return file.read()


def check_new(path: Path, *, force: bool) -> None:
    """Raise InputError where something is at `path` already, unless `force` is given."""
    if path.exists() and not force:
        raise InputError(f"{path}: there is such a file already.\n  Say --force to write over it.")


def write_new(path: Path, content: bytes, *, force: bool) -> None:
    """Put a file that a command was asked for at `path`; writes over nothing unless `force` says so.

    Raises InputError where something is there already, and where the disk refuses.
    """
    check_new(path, force=force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise InputError(f"{path}: it cannot be written ({error.strerror or error}).") from error


def sync(path: Path) -> None:
    """Flush a file's content, or a folder's entries, to the disk: a rename is durable only then."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_files(paths: Sequence[Path]) -> str:
    """The SHA-256 of the files' contents one after the other, in hexadecimal, as `cat FILES | sha256sum`."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                total.update(chunk)
    return total.hexdigest()


def sha256_of_sources(paths: Iterable[Path]) -> str:
    """One hash over the Python sources at or below `paths`, by relative name and content.

    Compiled files and caches do not count, nor does the order in which the file system lists them.
    """
    total = hashlib.sha256()
    for top in sorted(paths):
        sources = sorted(top.rglob("*.py")) if top.is_dir() else [top]
        for source in sources:
            name = source.relative_to(top.parent).as_posix()
            total.update(f"{name}\0{sha256_of_file(source)}\0".encode())
    return total.hexdigest()


Form = TypeVar("Form", bound=BaseModel)


def read_document(path: Path, form: type[Form], *, what: str, newest: int, remedy: str = "") -> Form:
    """The document at `path`; raises StoreError that names the file and the place in it.

    `what` is the word for it, `newest` the highest schema that is known here, and `remedy` says how one
    makes such a file. One of an older schema is read, one of a newer is refused by its number.
    """
    try:
        content = read_regular(path)
    except OSError as error:
        raise StoreError(
            f"{path}: this is no {what} that cvbench can read ({error.strerror or error})."
        ) from error
    refused: ValidationError | None = None
    try:
        document = form.model_validate_json(content)
        # A schema that is not written down must not pass by its default.
        if "schema_version" in document.model_fields_set and document.schema_version <= newest:  # type: ignore[attr-defined]
            return document
    except ValidationError as error:
        refused = error
    told = f"{path}: {_why(content, form, refused, what, newest)}"
    raise StoreError(f"{told}\n  {remedy}" if remedy else told)


def _why(
    content: bytes, form: type[BaseModel], refused: ValidationError | None, what: str, newest: int
) -> str:
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError) as error:
        return f"this is no {what} that cvbench can read ({error})."
    plain = plain if isinstance(plain, dict) else {}
    kind = form.model_fields.get("kind")
    if kind is not None and plain.get("kind") != kind.default:
        return f'this is no {what}: it has no kind "{kind.default}".'
    version = plain.get("schema")
    if not isinstance(version, int):
        return f"this is no {what}: it has no schema number."
    if version > newest:
        return (
            f"schema {version} is newer than this cvbench, which knows {newest}.\n"
            "  Read it with the version that wrote it, or a later one."
        )
    assert refused is not None
    first = refused.errors(include_url=False)[0]
    if first["type"] in ("less_than_equal", "greater_than_equal"):
        first["msg"] = f"{first['input']} is out of range"
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
