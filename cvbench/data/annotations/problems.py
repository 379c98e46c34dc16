"""Collect all problems of a file for one message: each kind with its count and first ten places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from cvbench.errors import InputError

SHOWN = 10
"""Maximum number of places that are shown per kind."""


class Problems:
    """The problems found so far, by file and kind, in order of discovery."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self._remedies: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, file: object, kind: str, place: str, *, remedy: str = "") -> None:
        """Add one problem; `place` is its position in the file and the value.

        `remedy` is shown once for all problems of this kind.
        """
        if remedy:
            self.remedy(file, kind, remedy)
        count, places = self._found.get((str(file), kind), (0, []))
        self._found[str(file), kind] = count + 1, [*places, place] if count < SHOWN else places

    def remedy(self, file: object, kind: str, what: str) -> None:
        """Set the remedy of a kind of problem, shown below the problems if there are any."""
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
        """Add a problem for each wrong entry; only the places that are shown are formatted."""
        where = np.flatnonzero(wrong)
        if len(where):
            if remedy:
                self.remedy(file, kind, remedy)
            count, places = self._found.get((str(file), kind), (0, []))
            shown = [place(int(i)) for i in where[: SHOWN - len(places)]]
            self._found[str(file), kind] = count + len(where), places + shown

    def add_repeated(self, file: object, kind: str, names: Iterable[object]) -> None:
        """Add a problem for every repeated name; indices are from 0."""
        seen: dict[object, int] = {}
        for i, name in enumerate(names):
            first = seen.setdefault(name, i)
            if first != i:
                self.add(file, kind, f"[{i}]: {name}, as [{first}]")

    def stop(self) -> None:
        """Raise InputError if there are problems."""
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
    """Checks of the entries of a file, stored as columns."""

    file: Path
    list_name: str
    """Name of the list of the entries; empty if the file is the list."""
    place: Int64[np.ndarray, " n"]
    """Index of each entry in that list."""
    problems: Problems

    def at(self, i: int) -> str:
        """The position of an entry, for messages."""
        return f"{self.list_name}[{self.place[i]}]"

    def note(self, kind: str, wrong: Bool[np.ndarray, " n"], values: Shaped[np.ndarray, " n *more"]) -> None:
        """Add a problem for each wrong entry, with its value."""
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
        """The index of each id among the known ids, which ascend; -1 and a problem if it is unknown.

        `texts` are the original ids. Nothing is reported if some known ids could not be read.
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
        """Check that all numbers are finite."""
        self.note(f"{name} that is not finite", ~np.isfinite(numbers), numbers)

    def check_not_negative(self, name: str, numbers: Float64[np.ndarray, " n"]) -> None:
        """Check that no number is negative."""
        self.note(f"negative {name}", numbers < 0, numbers)

    def check_boxes(self, xywh: Float64[np.ndarray, "n 4"] | None) -> None:
        """Check that boxes (x, y, width, height) are finite, without negative width or height."""
        if xywh is not None:
            self.note("bbox that is not finite", np.asarray(~np.isfinite(xywh).all(1)), xywh)
            self.note("bbox of negative width or height", np.asarray((xywh[:, 2:] < 0).any(1)), xywh)


def _plain(value: Any) -> Any:
    """A value of an array as a Python value."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else repr(value)
