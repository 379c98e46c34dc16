"""Atomic file writes, safe reads of user files, and file hashes."""

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

_UMASK = os.umask(0)  # the only way to read it is to set it
os.umask(_UMASK)

_HALF_WRITTEN: Final = re.compile(r"\..+\.[a-z0-9_]{8}")
"""Names of the temporary files of `write_whole`."""


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically: a reader, a crash or a power cut sees all of it or nothing.

    A temporary file in the same folder is flushed to disk and renamed over `path`. Raises the file system's
    OSError; then `path` is unchanged and the temporary file is removed.
    """
    name = None
    try:
        handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(handle, 0o666 & ~_UMASK)  # mkstemp gives only the owner access
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
    """Remove temporary files of `write_whole` whose process was killed."""
    with suppress(OSError):
        for path in folder.iterdir():
            if _HALF_WRITTEN.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                path.unlink()


class NotAFile(OSError):
    """A pipe, a device, a socket or a folder where a file was expected."""


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading; every input file of a user is opened here.

    Raises OSError where it cannot be opened, and its subclass NotAFile for a pipe or a device: reading
    these could block or never end.
    """
    if "\0" in str(path):
        raise NotAFile(errno.EINVAL, "a file name cannot contain a null character", str(path))
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise NotAFile(errno.EINVAL, "not a regular file but a pipe or a device", str(path))
    return os.fdopen(handle, "rb")


def read_regular(path: Path) -> bytes:
    """The content of a file; raises as `open_regular` does."""
    with open_regular(path) as file:
        return file.read()


def check_new(path: Path, *, force: bool) -> None:
    """Raise InputError where `path` exists, unless `force` is given."""
    if path.exists() and not force:
        raise InputError(f"{path}: the file already exists.\n  Add --force to overwrite it.")


def write_new(path: Path, content: bytes, *, force: bool) -> None:
    """Write an output file of a command; with `force`, overwrite an existing one.

    Raises InputError where `path` exists, and where the file cannot be written.
    """
    check_new(path, force=force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}).") from error


def sync(path: Path) -> None:
    """Flush a file's content, or a folder's entries, to disk, which makes a rename durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file's content, hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_files(paths: Sequence[Path]) -> str:
    """The SHA-256 of the concatenated files, hexadecimal, as `cat FILES | sha256sum` prints it."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                total.update(chunk)
    return total.hexdigest()


def sha256_of_sources(paths: Iterable[Path]) -> str:
    """One SHA-256 over the relative names and contents of the Python sources at or below `paths`."""
    total = hashlib.sha256()
    for top in sorted(paths):
        sources = sorted(top.rglob("*.py")) if top.is_dir() else [top]
        for source in sources:
            name = source.relative_to(top.parent).as_posix()
            total.update(f"{name}\0{sha256_of_file(source)}\0".encode())
    return total.hexdigest()


Form = TypeVar("Form", bound=BaseModel)


def read_document(path: Path, form: type[Form], *, what: str, newest: int, remedy: str = "") -> Form:
    """Read and validate a JSON document; raises StoreError that names the file and the field.

    `what` names the kind of document in messages, `newest` is the highest schema version that can be read
    (older ones can be), and `remedy` is the last line of a message.
    """
    try:
        content = read_regular(path)
    except OSError as error:
        raise StoreError(f"{path}: the {what} file cannot be read ({error.strerror or error}).") from error
    refused: ValidationError | None = None
    try:
        document = form.model_validate_json(content)
        # A missing schema number must not pass through the field's default.
        if "schema_version" in document.model_fields_set and document.schema_version <= newest:  # type: ignore[attr-defined]
            return document
    except ValidationError as error:
        refused = error
    message = f"{path}: {_why(content, form, refused, what, newest)}"
    raise StoreError(f"{message}\n  {remedy}" if remedy else message)


def _why(
    content: bytes, form: type[BaseModel], refused: ValidationError | None, what: str, newest: int
) -> str:
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError) as error:
        return f"not a valid {what} file ({error})."
    plain = plain if isinstance(plain, dict) else {}
    kind = form.model_fields.get("kind")
    if kind is not None and plain.get("kind") != kind.default:
        return f'not a valid {what} file: its "kind" is not "{kind.default}".'
    version = plain.get("schema")
    if not isinstance(version, int):
        return f"not a valid {what} file: it has no schema number."
    if version > newest:
        return (
            f"schema {version} is newer than this cvbench supports ({newest}).\n"
            "  Read it with the version that wrote it, or a later one."
        )
    assert refused is not None
    first = refused.errors(include_url=False)[0]
    if first["type"] in ("less_than_equal", "greater_than_equal"):
        first["msg"] = f"{first['input']} is out of range"
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
