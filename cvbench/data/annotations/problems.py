"""Everything that is wrong with a file, said at once: each kind with its first ten places and its count."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Bool

from cvbench.errors import InputError

SHOWN = 10
"""How many places of one kind are named."""


class Mistakes:
    """The mistakes found so far, by file and kind, in order of discovery."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, list[str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, file: object, kind: str, place: str) -> None:
        """Note one mistake; `place` says where in the file, and what stands there."""
        count, places = self._found.get((str(file), kind), (0, []))
        self._found[str(file), kind] = count + 1, [*places, place] if count < SHOWN else places

    def add_where(
        self, file: object, kind: str, wrong: Bool[np.ndarray, " n"], place: Callable[[int], str]
    ) -> None:
        """Note a mistake for each entry that is wrong; only the places that are shown are put into words."""
        where = np.flatnonzero(wrong)
        if len(where):
            count, places = self._found.get((str(file), kind), (0, []))
            shown = [place(int(i)) for i in where[: SHOWN - len(places)]]
            self._found[str(file), kind] = count + len(where), places + shown

    def add_repeated(self, file: object, kind: str, names: Iterable[object]) -> None:
        """Note every name that comes again; a place is counted from 0."""
        seen: dict[object, int] = {}
        for i, name in enumerate(names):
            first = seen.setdefault(name, i)
            if first != i:
                self.add(file, kind, f"[{i}]: {name}, as [{first}]")

    def stop(self) -> None:
        """Raise InputError if there is any mistake."""
        if self._found:
            raise InputError("\n".join(self._lines()))

    def _lines(self) -> Iterable[str]:
        for (file, kind), (count, places) in self._found.items():
            yield f"{file}: {kind}" + (f" ({count:,} times)" if count > 1 else "")
            yield from (f"  {place}" for place in places)
            if count > len(places):
                yield f"  … and {count - len(places):,} more"
