"""What a measurement leaves behind: every raw sample, and the clock it was taken with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

Call = Callable[[int], object]
"""The work to time: called with a running number, which picks the input from a pool."""


@runtime_checkable
class Clock(Protocol):
    """Where time comes from; the tests hand in a simulated one."""

    def now_ns(self) -> int:
        """Monotonic time in nanoseconds."""
        ...

    def wait(self) -> None:
        """Block until all work that was started has finished."""
        ...


@dataclass(frozen=True)
class HostClock:
    """The host's monotonic clock; `wait` is the device's synchronisation, or nothing on a CPU."""

    synchronise: Callable[[], None] | None = None

    def now_ns(self) -> int:
        """Nanoseconds of `time.perf_counter_ns`."""
        return time.perf_counter_ns()

    def wait(self) -> None:
        """Block until the device has finished."""
        if self.synchronise is not None:
            self.synchronise()


@dataclass(frozen=True, eq=False)
class Series:
    """Raw samples of one quantity, in the order in which they were taken, and what they are."""

    name: str
    """`latency` or `throughput`."""
    at: str
    """The condition, such as `batch=1`."""
    unit: str
    values: Float64[np.ndarray, " n"]
    warmup_calls: int
    """Calls made before the first sample, and not counted."""


def warm_up(call: Call, *, seconds: float, clock: Clock, least: int = 3) -> int:
    """Call until `seconds` have passed and at least `least` calls were made; returns their number."""
    start, calls = clock.now_ns(), 0
    while calls < least or clock.now_ns() - start < seconds * 1e9:
        call(calls)
        clock.wait()
        calls += 1
    return calls
