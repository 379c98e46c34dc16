"""The stages of a cell: their times, and their progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class Progress:
    """News from a working cell."""

    stage: Annotated[str, Field(pattern="^[a-z_]{1,20}$")]
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    """How much of the stage is done, 0 to 1; None where that cannot be known."""
    note: Annotated[str, Field(max_length=1000)] = ""
    """Text next to the progress bar, such as the loss."""
    eta_s: Annotated[float, Field(ge=0, le=1e9)] | None = None
    """Seconds until the stage ends, as it looks now."""


@dataclass
class StageTimes:
    """Adds up seconds by stage, and reports progress; stages do not nest."""

    report: Callable[[Progress], None]
    spent: dict[str, float] = field(default_factory=dict)
    """Seconds by stage."""
    _reported: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Charge what happens inside to `name`, also when it fails."""
        self.report(Progress(name))
        start = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] = self.spent.get(name, 0.0) + time.perf_counter() - start

    def news(self, progress: Progress) -> None:
        """Report, ten times a second at most."""
        now = time.perf_counter()
        if now - self._reported >= 0.1 or progress.share == 1.0:
            self._reported = now
            self.report(progress)
