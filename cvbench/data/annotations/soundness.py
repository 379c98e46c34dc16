"""What has to hold for the numbers of a file, checked in bulk."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from cvbench.data.annotations.problems import Mistakes


class Side(NamedTuple):
    """One of the two files, with its entries in columns."""

    file: Path
    list_name: str
    """Of the list that the entries are in; empty where the file is the list."""
    place: Int64[np.ndarray, " n"]
    """Of each entry in that list."""
    mistakes: Mistakes

    def at(self, i: int) -> str:
        """Where an entry stands."""
        return f"{self.list_name}[{self.place[i]}]"

    def note(self, kind: str, wrong: Bool[np.ndarray, " n"], values: Shaped[np.ndarray, " n *more"]) -> None:
        """Note a mistake for each entry that is wrong, with its value."""
        self.mistakes.add_where(self.file, kind, wrong, lambda i: f"{self.at(i)}: {values[i].tolist()}")

    def placed(
        self, name: str, ids: Int64[np.ndarray, " n"], known: Int64[np.ndarray, " m"]
    ) -> Int64[np.ndarray, " n"]:
        """Each id's place among the known ones, which ascend; -1 and a mistake where it is none of them."""
        places = np.searchsorted(known, ids).clip(max=max(len(known) - 1, 0))
        missing = known[places] != ids if len(known) else np.ones(len(ids), np.bool_)
        self.note(f"{name} that the truth does not have", missing, ids)
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
