"""The folder an export goes to, the file names in it, and files that are whole or not there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cvbench.errors import DataError


@contextmanager
def filling(folder: Path, *, force: bool) -> Iterator[None]:
    """A folder to write into: created where it is not there, refused where it holds anything.

    With `force` files of the same names are written over, and all others stay as they are.
    Raises DataError for that, and for any file that cannot be written meanwhile.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not force and any(folder.iterdir()):
            raise DataError(f"{folder}: is not empty; name another folder, or write over it with --force")
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or folder}: cannot be written ({error.strerror or error})"
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is never to be seen in part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def plain(name: str) -> str:
    """A name as part of a file name: whatever is no letter, digit, `.`, `+` or `-` becomes `_`.

    >>> plain("T-shirt/top"), plain("../etc")
    ('T-shirt_top', '_etc')
    """
    return re.sub(r"[^\w.+-]+", "_", name).lstrip(".") or "_"


class Names:
    """File names of samples, no two alike."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def of(self, sample: str, *, within: str = "") -> str:
        """The file name, without its ending, of a sample's id; a prefix `within/` is left out.

        Raises DataError where another sample has the same.
        """
        name = plain(sample.removeprefix(f"{within}/"))
        other = self._taken.setdefault(name, sample)
        if other != sample:
            raise DataError(f"the samples {other} and {sample} would both be written as {name}")
        return name
