"""What is wrong with a copy of a data set: Faults, each with its number, first places and usual cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

SHOWN: Final = 10
"""How many places of one fault are named."""


@dataclass(frozen=True)
class Fault:
    """What is wrong, how often, where first, and what usually causes it."""

    what: str
    count: int
    places: tuple[str, ...]
    cause: str
    grave: bool
    """It changes figures, or ends a run."""
    counted: bool = True
    """Whether `what` begins with the number of what is wrong."""


def fault(what: str, places: Sequence[str], *, cause: str, grave: bool = True) -> Iterator[Fault]:
    """The fault with these places; none where there are no places."""
    if places:
        yield Fault(what, len(places), tuple(places[:SHOWN]), cause, grave)
