"""Columns that took long to find, kept for the next time: an archive of NumPy's, of numbers and bytes only.

Nothing in an entry can be run. One that is damaged is as good as none, and one that cannot be written, for
want of room or of rights, is done without.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from jaxtyping import Int64

from cvbench.files import open_regular, write_whole


@dataclass(frozen=True, eq=False)
class PackedTexts(Sequence[str]):
    """Texts that cannot be changed, read by position.

    >>> PackedTexts.of(["tench", "goldfish"])[1]
    'goldfish'
    """

    blob: bytes
    """All of them behind one another, in UTF-8; file names that are none keep their bytes."""
    ends: Int64[np.ndarray, " n"]

    @classmethod
    def of(cls, texts: Iterable[str]) -> PackedTexts:
        """These texts, in this order."""
        encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
        return cls(b"".join(encoded), np.cumsum([len(part) for part in encoded], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        index = range(len(self))[index]
        start = int(self.ends[index - 1]) if index else 0
        return self.blob[start : int(self.ends[index])].decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        start = 0
        for end in self.ends.tolist():
            yield self.blob[start:end].decode("utf-8", "surrogateescape")
            start = end


def write_cache(path: Path, columns: Mapping[str, Any]) -> None:
    """Write arrays and PackedTexts, by name."""
    arrays: dict[str, Any] = {}
    for name, column in columns.items():
        if isinstance(column, PackedTexts):
            arrays[f"{name}.blob"] = np.frombuffer(column.blob, np.uint8)
            arrays[f"{name}.ends"] = column.ends
        else:
            arrays[name] = column
    content = io.BytesIO()
    np.savez(content, **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.getvalue())
    except OSError:
        return


def read_cache(path: Path, names: Collection[str]) -> dict[str, Any] | None:
    """The columns of these names, or None where nothing is kept, or not all of it."""
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as arrays:  # checks its checksums
            return {
                name: PackedTexts(arrays[f"{name}.blob"].tobytes(), arrays[f"{name}.ends"])
                if f"{name}.blob" in arrays
                else arrays[name]
                for name in names
            }
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return None
