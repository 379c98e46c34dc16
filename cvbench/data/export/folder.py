"""The output folder of an export, its file names, and atomic writes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cvbench.errors import DataError


@contextmanager
def filling(folder: Path, *, force: bool) -> Iterator[None]:
    """The output folder, created if it does not exist.

    With `force`, files of the same names are overwritten, and others stay. Raises DataError if the folder is
    not empty without `force`, and for any file that cannot be written inside the block.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not force and any(folder.iterdir()):
            raise DataError(f"{folder}: not empty; choose another folder, or overwrite it with --force")
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: cannot be written ({error.strerror or error})"
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file atomically, so that it is never visible in part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def plain(name: str) -> str:
    """A name as part of a file name: characters other than letters, digits, `.`, `+`, `-` become `_`.

    >>> plain("T-shirt/top"), plain("../etc")
    ('T-shirt_top', '_etc')
    """
    return re.sub(r"[^\w.+-]+", "_", name).lstrip(".") or "_"


class Names:
    """Unique file names of samples."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def of(self, sample: str, *, within: str = "") -> str:
        """The file name of a sample's id, without extension and without a prefix `within/`.

        Raises DataError if another sample has the same name.
        """
        name = plain(sample.removeprefix(f"{within}/"))
        other = self._taken.setdefault(name, sample)
        if other != sample:
            raise DataError(f"the samples {other} and {sample} would both be written as {name}")
        return name
