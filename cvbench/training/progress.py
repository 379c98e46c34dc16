"""News from a training, as often as a person can read them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

_PERIOD_S = 0.1


@dataclass(frozen=True)
class Progress:
    """Where a training stands."""

    step: int
    """Steps done."""
    steps: int
    """Of the whole training."""
    epoch: int
    """The one that is under way, from 1."""
    epochs: int
    loss: float | None
    """The sum of all terms, smoothed over some twenty steps; None before the first."""
    images_per_s: float | None
    """Since the first step of this process, which pays for warming up; None until the second is done."""
    eta_s: float | None
    """Seconds until the last step is done, at that pace."""

    @property
    def share(self) -> float:
        """How much of the training is done, 0 to 1."""
        return self.step / self.steps


class Pace:
    """Counts images against the clock, and says when it is time for news."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start: float | None = None
        self._images = self._steps = 0
        self._told: float | None = None

    def took(self, images: int) -> None:
        """A step over so many images is done; the first one only starts the clock."""
        if self._start is None:
            self._start = self._clock()
        else:
            self._images += images
            self._steps += 1

    @property
    def images_per_s(self) -> float | None:
        """None until a second step is done."""
        elapsed = 0.0 if self._start is None else self._clock() - self._start
        return self._images / elapsed if self._images and elapsed > 0 else None

    def seconds_for(self, steps: int) -> float | None:
        """How long so many steps will take; None until a second step is done."""
        if self._start is None or self._steps == 0:
            return None
        return (self._clock() - self._start) / self._steps * steps

    def is_time(self) -> bool:
        """Whether the last news are old enough; asking makes them new."""
        now = self._clock()
        if self._told is not None and now - self._told < _PERIOD_S:
            return False
        self._told = now
        return True
