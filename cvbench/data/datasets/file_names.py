"""Find images whose names in annotation files differ from the names on disk.

Tools write names with backslashes, with percent-encoding, as absolute paths, or in another Unicode form than
the disk has (NFD on macOS). An existing name is used as written; else the other spellings are tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from unicodedata import normalize
from urllib.parse import unquote

from cvbench.errors import DataError


def safe_names(file: Path, folder: Path, names: Sequence[str]) -> list[str]:
    """The names relative to the image folder; raises DataError if one points outside."""
    return [_relative(file, folder, name) for name in names]


def respelled(folder: Path, name: str) -> str | None:
    """The first other spelling of a name that exists as a file, or None."""
    return next((other for other in _spellings(name) if _is_safe(other) and (folder / other).is_file()), None)


def _relative(file: Path, folder: Path, name: str) -> str:
    if name.startswith("/"):
        for place in (folder, folder.absolute()):
            if Path(name).is_relative_to(place):
                name = Path(name).relative_to(place).as_posix()
                break
    if not _is_safe(name):
        raise DataError(
            f"{file}: the file_name {name!r} points outside the image folder.\n"
            f"  Write names relative to {folder}."
        )
    return name


def _is_safe(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and ".." not in parts and not name.startswith("/") and "\0" not in name


def _spellings(name: str) -> Iterator[str]:
    slashed = name.replace("\\", "/")
    for other in (slashed, unquote(slashed)):
        yield from (other, normalize("NFC", other), normalize("NFD", other))
