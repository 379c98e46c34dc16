"""Several watches as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cvbench.timing.instruments import Seen, Watch


@runtime_checkable
class Keeper(Watch, Protocol):
    """A watch that can tell of all it has seen."""

    def summary(self) -> Mapping[str, float]:
        """Over all slices."""
        ...


@dataclass(frozen=True)
class Together:
    """What any of them has seen."""

    watches: Sequence[Keeper]

    def begin(self) -> None:
        """Let all begin."""
        for watch in self.watches:
            watch.begin()

    def end(self) -> Seen:
        """Let all end, and join what they saw."""
        seen = [watch.end() for watch in self.watches]
        return Seen(
            tuple(taint for one in seen for taint in one.taints),
            tuple(disturbance for one in seen for disturbance in one.disturbances),
        )

    def has_settled(self) -> bool:
        """Whether all say so."""
        return all(watch.has_settled() for watch in self.watches)

    def summary(self) -> Mapping[str, float]:
        """What all of them tell."""
        return {name: value for watch in self.watches for name, value in watch.summary().items()}
