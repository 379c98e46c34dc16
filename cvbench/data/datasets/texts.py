"""A million short texts as one long one: quick to hand to a worker process, and small in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from jaxtyping import Int64


@dataclass(frozen=True, eq=False)
class Texts(Sequence[str]):
    """Texts that cannot be changed, read by position.

    >>> Texts.of(["tench", "goldfish"])[1]
    'goldfish'
    """

    blob: bytes
    """All of them behind one another, in UTF-8; file names that are none keep their bytes."""
    ends: Int64[np.ndarray, " n"]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
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
