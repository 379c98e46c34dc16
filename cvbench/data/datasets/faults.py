"""Faults of a copy of a dataset, each with its count, first places and usual cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

SHOWN: Final = 10
"""Maximum number of places that are listed per fault."""


@dataclass(frozen=True)
class Fault:
    """A problem with its count, first places and usual cause."""

    what: str
    count: int
    places: tuple[str, ...]
    cause: str
    grave: bool
    """Whether it changes metrics or ends a run."""
    counted: bool = True
    """Whether `what` is shown after its count."""


def fault(what: str, places: Sequence[str], *, cause: str, grave: bool = True) -> Iterator[Fault]:
    """Yield a fault with these places, or nothing if there are no places."""
    if places:
        yield Fault(what, len(places), tuple(places[:SHOWN]), cause, grave)
