"""Sources of encoded images: files below a folder, or members of a tar that stays packed.

Both can be sent to worker processes and read by several threads.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

from cvbench.data.datasets.cache import PackedTexts
from cvbench.data.datasets.tars import Members
from cvbench.errors import DataError

SUFFIXES: Final = (
    *(".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"),
    *(".jpe", ".jfif", ".gif", ".jp2", ".avif"),
)
"""Image extensions, in upper or lower case: torchvision's ImageFolder's, and more."""
_NOT_DATA: Final = ("@eaDir", "__MACOSX")
"""Folders of thumbnails and metadata from NAS devices and archivers."""
MISSING: Final = -1
"""The size of a missing file."""


@runtime_checkable
class Pictures(Protocol):
    """The encoded images of a dataset, by index."""

    @property
    def sizes(self) -> Int64[np.ndarray, " n"]:
        """Size of each file in bytes; `MISSING` for a missing file."""
        ...

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """Its path, for messages."""
        ...

    def read(self, index: int) -> bytes:
        """Its bytes; raises DataError with its name if it cannot be read."""
        ...


class Listed(NamedTuple):
    """An image found in a folder."""

    path: str
    """Relative to the folder, with slashes."""
    size: int


def list_images(folder: Path) -> list[Listed]:
    """All images in a folder and its sub-folders, by path.

    Hidden files and folders, thumbnail folders, files with other extensions, and files that are not regular
    are ignored; `list_left_out` lists them. Links to folders are followed, each folder once.

    Raises DataError if the folder cannot be listed.
    """
    return sorted(Listed(path, size) for path, size in _walk(folder) if size is not None)


def list_left_out(folder: Path, taken: Sequence[str]) -> list[str]:
    """Files and folders that a dataset with these paths does not read; folders end in a slash.

    Raises DataError if the folder cannot be listed.
    """
    read = set(taken)
    return sorted(path for path, _ in _walk(folder) if path not in read)


def class_folders(split: Path) -> set[str]:
    """The names of the class folders of a split."""
    return {path.name for path in split.iterdir() if path.is_dir() and is_data(path.name)}


def is_data(name: str) -> bool:
    """Whether a file or folder may be part of a dataset: not hidden, and not a thumbnail folder."""
    return not name.startswith(".") and name not in _NOT_DATA


def _walk(folder: Path) -> Iterator[tuple[str, int | None]]:
    """Each path below a folder, with its size if it is an image, else None."""
    waiting, entered = [""], {os.path.realpath(folder)}
    try:
        while waiting:
            below = waiting.pop()
            with os.scandir(folder / below) as entries:
                for entry in entries:
                    path = f"{below}{entry.name}"
                    if entry.is_dir() and is_data(entry.name):
                        real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                        if real not in entered:
                            entered.add(real)
                            waiting.append(f"{path}/")
                    elif entry.is_dir():
                        yield f"{path}/", None
                    elif entry.name.lower().endswith(SUFFIXES) and is_data(entry.name) and entry.is_file():
                        yield path, entry.stat().st_size
                    else:
                        yield path, None
    except OSError as error:
        raise DataError(f"{error.filename or folder}: cannot be read ({error.strerror or error})") from error


@dataclass(frozen=True, eq=False)
class InFolder:
    """Files, each with its own path below one folder."""

    folder: str
    paths: PackedTexts
    sizes: Int64[np.ndarray, " n"]

    @classmethod
    def of(cls, folder: Path, paths: Sequence[str], sizes: Sequence[int] | None = None) -> InFolder:
        """Files at these paths below `folder`; unknown sizes are looked up."""
        known = [_size(folder / path) for path in paths] if sizes is None else sizes
        return cls(str(folder), PackedTexts.of(paths), np.array(known, np.int64))

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        """The file's path."""
        return f"{self.folder}/{self.paths[index]}"

    def read(self, index: int) -> bytes:
        """The file's bytes."""
        return self._read(index, 0, -1)

    def middle(self, index: int, count: int) -> bytes:
        """Up to `count` bytes, from the middle of the file."""
        return self._read(index, max(int(self.sizes[index]), 0) // 2, count)

    def _read(self, index: int, start: int, count: int) -> bytes:
        path = self.name(index)
        try:
            with open(path, "rb", opener=_opened_at_once) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise DataError(f"{path}: not a regular file. Replace it with an image file.")
                file.seek(start)
                return file.read(count)
        except FileNotFoundError as error:
            raise DataError(f"{path}: there is no such file") from error
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


@dataclass(frozen=True, eq=False)
class InTar:
    """Members of an uncompressed tar, read at their offsets, without unpacking."""

    archive: str
    names: PackedTexts
    offsets: Int64[np.ndarray, " n"]
    sizes: Int64[np.ndarray, " n"]
    _opened: dict[int, int] = field(default_factory=dict, init=False, repr=False)
    """Process → its file descriptor; `pread` does not use a shared file position."""

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        """The archive's path and the member's name."""
        return f"{self.archive}: {self.names[index]}"

    def read(self, index: int) -> bytes:
        """The member's bytes."""
        size = int(self.sizes[index])
        try:
            process = os.getpid()
            if process not in self._opened:
                self._opened[process] = os.open(self.archive, os.O_RDONLY)
            content = os.pread(self._opened[process], size, int(self.offsets[index]))
        except OSError as error:
            raise DataError(f"{self.name(index)}: cannot be read ({error.strerror or error})") from error
        if len(content) != size:
            raise DataError(f"{self.name(index)}: the archive ends within it; fetch the archive again")
        return content

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": {}}

    def __del__(self) -> None:
        for process, descriptor in self._opened.items():
            if process == os.getpid():
                os.close(descriptor)


def in_tar(archive: Path, members: Members) -> InTar:
    """Use these members of a tar as images."""
    return InTar(str(archive), *members)


def _opened_at_once(path: str, flags: int) -> int:
    """Open a file without blocking, also a pipe without a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return MISSING
