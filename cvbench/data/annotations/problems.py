"""Everything that is wrong with a file, said at once: each kind with its first ten places and its count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from cvbench.errors import InputError

SHOWN = 10
"""How many places of one kind are named."""


class Problems:
    """The mistakes found so far, by file and kind, in order of discovery."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self._remedies: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, file: object, kind: str, place: str, *, remedy: str = "") -> None:
        """Note one mistake; `place` says where in the file, and what stands there.

        `remedy` says what to do about mistakes of this kind; it is shown once.
        """
        if remedy:
            self.remedy(file, kind, remedy)
        count, places = self._found.get((str(file), kind), (0, []))
        self._found[str(file), kind] = count + 1, [*places, place] if count < SHOWN else places

    def remedy(self, file: object, kind: str, what: str) -> None:
        """What to do about mistakes of a kind; shown below them, if there are any."""
        self._remedies[str(file), kind] = what

    def add_where(
        self,
        file: object,
        kind: str,
        wrong: Bool[np.ndarray, " n"],
        place: Callable[[int], str],
        *,
        remedy: str = "",
    ) -> None:
        """Note a mistake for each entry that is wrong; only the places that are shown are put into words."""
        where = np.flatnonzero(wrong)
        if len(where):
            if remedy:
                self.remedy(file, kind, remedy)
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
            if (file, kind) in self._remedies:
                yield f"  {self._remedies[file, kind]}"


class Side(NamedTuple):
    """One of the two files, with its entries in columns."""

    file: Path
    list_name: str
    """Of the list that the entries are in; empty where the file is the list."""
    place: Int64[np.ndarray, " n"]
    """Of each entry in that list."""
    problems: Problems

    def at(self, i: int) -> str:
        """Where an entry stands."""
        return f"{self.list_name}[{self.place[i]}]"

    def note(self, kind: str, wrong: Bool[np.ndarray, " n"], values: Shaped[np.ndarray, " n *more"]) -> None:
        """Note a mistake for each entry that is wrong, with its value."""
        self.problems.add_where(self.file, kind, wrong, lambda i: f"{self.at(i)}: {_plain(values[i])}")

    def placed(
        self,
        name: str,
        ids: Int64[np.ndarray, " n"],
        known: Int64[np.ndarray, " m"],
        *,
        texts: Sequence[str] | None = None,
        doubtful: bool = False,
    ) -> Int64[np.ndarray, " n"]:
        """Each id's place among the known ones, which ascend; -1 and a mistake where it is none of them.

        `texts` are what the ids stand for. It is no mistake where it is doubtful that all are known,
        since some could not be read.
        """
        places = np.searchsorted(known, ids).clip(max=max(len(known) - 1, 0))
        missing = known[places] != ids if len(known) else np.ones(len(ids), np.bool_)
        if not doubtful:
            self.note(
                f"{name} that the truth does not have",
                missing,
                ids if texts is None else np.array(texts, object)[ids],
            )
        return np.where(missing, -1, places)

    def check_finite(self, name: str, numbers: Float64[np.ndarray, " n"]) -> None:
        """Every number is one, and not infinite."""
        self.note(f"{name} that is not finite", ~np.isfinite(numbers), numbers)

    def check_not_negative(self, name: str, numbers: Float64[np.ndarray, " n"]) -> None:
        """No number is below 0."""
        self.note(f"negative {name}", numbers < 0, numbers)

    def check_boxes(self, xywh: Float64[np.ndarray, "n 4"] | None) -> None:
        """Boxes (x, y, width, height) are finite, and no width or height is negative."""
        if xywh is not None:
            self.note("bbox that is not finite", np.asarray(~np.isfinite(xywh).all(1)), xywh)
            self.note("bbox of negative width or height", np.asarray((xywh[:, 2:] < 0).any(1)), xywh)


def _plain(value: Any) -> Any:
    """A value of an array as Python has it."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else repr(value)
