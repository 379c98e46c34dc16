"""Slices: short stretches of consecutive samples, monitored, and accepted or rejected at their end.

A tainted slice (heat, another process on the GPU, a compilation) is measured again, as long as few are;
with more, the series is invalid and never averaged. A slice that was disturbed from outside is kept and
reported: the work itself may cause the disturbance, and leaving it out would make the model look faster.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from cvbench.record import MEANS_LITTLE
from cvbench.timing.instruments import Counters, Instruments, SliceConditions

MOST_TAINTED = 0.2
"""Share of slices that may be measured again; two always may."""
REST_S, LONGEST_REST_S = 1.0, 8.0
"""How long to let a tainted device cool down: doubled each time, up to."""
WENT_BACK = "the clock moved backwards"
STOOD_STILL = "it took many times as long as the others: the clock jumped, or the process was paused"
MANY = 10
"""Times the median slice so far, of which there are at least `KNOWN`."""
KNOWN = 3


@contextmanager
def settled_heap() -> Iterator[None]:
    """Marks all live objects as permanent, so that garbage collection between slices is fast."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass
class Judgement:
    """On one slice; sure only when it is over."""

    valid: bool = True
    spoilt_by: str | None = None
    """A fault that the measuring code found, such as a clock that moved backwards."""


@dataclass
class Tally:
    """Counts slices, and their taints and disturbances."""

    instruments: Instruments
    taken: int = 0
    rejected: int = 0
    compiled: int = 0
    taints: Counter[str] = field(default_factory=Counter)
    disturbances: Counter[str] = field(default_factory=Counter)
    disturbed: int = 0
    invalid: str | None = None
    """Why the series cannot stand."""
    _rest_s: float = REST_S
    _lengths: list[float] = field(default_factory=list)

    @contextmanager
    def monitored(self) -> Iterator[Judgement]:
        """Take one slice inside; the garbage collector rests meanwhile."""
        judgement = Judgement()
        gc.collect()
        gc.disable()
        before = self.instruments.device.counters()
        self.instruments.monitor.begin()
        start = self.instruments.clock.now_ns()
        try:
            yield judgement
        finally:
            gc.enable()
        length_s = (self.instruments.clock.now_ns() - start) * 1e-9
        seen = self.instruments.monitor.end()
        seen = SliceConditions(
            (*seen.taints, *self._spoilt(judgement, length_s)), (*seen.disturbances, *self._long(length_s))
        )
        self._judge(judgement, before, self.instruments.device.counters(), seen)

    @staticmethod
    def _spoilt(judgement: Judgement, length_s: float) -> Iterator[str]:
        if judgement.spoilt_by is not None:
            yield judgement.spoilt_by
        elif length_s < 0:
            yield WENT_BACK

    def _long(self, length_s: float) -> Iterator[str]:
        if len(self._lengths) >= KNOWN and length_s > MANY * median(self._lengths):
            yield STOOD_STILL
        self._lengths.append(length_s)

    def _judge(self, judgement: Judgement, before: Counters, after: Counters, seen: SliceConditions) -> None:
        self.taken += 1
        taints = list(seen.taints)
        if after.compiles > before.compiles:
            self.compiled += 1
            taints.append("something was compiled")
        if after.allocations > before.allocations:
            taints.append("the allocator asked the driver for memory")
        if after.retries > before.retries:
            self.invalid = "memory ran short: the allocator had to return its cache"
        self.taints.update(taints)
        self.disturbances.update(seen.disturbances)
        self.disturbed += bool(seen.disturbances)
        if not taints:
            return
        judgement.valid = False
        self.rejected += 1
        if self.compiled > 1:
            self.invalid = "it was compiled again while it was timed, twice"
        elif self.rejected > max(2, MOST_TAINTED * self.taken):
            self.invalid = f"{self.rejected} of {self.taken} slices were tainted: {_listed(self.taints)}"
        if seen.taints and self.invalid is None:
            self.instruments.clock.rest(self._rest_s)
            self._rest_s = min(LONGEST_REST_S, 2 * self._rest_s)

    def cautions(self) -> Iterator[str]:
        """Warnings for the reader."""
        if self.rejected and self.invalid is None:
            yield f"{self.rejected} of {self.taken} slices were measured again: {_listed(self.taints)}"
        if self.disturbed:
            yield (
                f"{self.disturbed} of {self.taken} slices were disturbed: {_listed(self.disturbances)}"
                + (f"; {MEANS_LITTLE}" if 2 * self.disturbed > self.taken else "")
            )


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} ({times})" for reason, times in reasons.most_common())
