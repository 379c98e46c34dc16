"""A cache of parsed columns: NumPy archives that contain only numbers and bytes.

Entries contain no code. A damaged entry counts as missing, and an entry that cannot be written is skipped.
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
    """An immutable list of texts in one array.

    >>> PackedTexts.of(["tench", "goldfish"])[1]
    'goldfish'
    """

    blob: bytes
    """All texts concatenated, in UTF-8; file names that are not UTF-8 keep their bytes."""
    ends: Int64[np.ndarray, " n"]

    @classmethod
    def of(cls, texts: Iterable[str]) -> PackedTexts:
        """Pack texts, in this order."""
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
    """Store arrays and PackedTexts by name."""
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
    """The stored columns of these names, or None if any is missing."""
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as arrays:  # verifies checksums
            return {
                name: PackedTexts(arrays[f"{name}.blob"].tobytes(), arrays[f"{name}.ends"])
                if f"{name}.blob" in arrays
                else arrays[name]
                for name in names
            }
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return None
