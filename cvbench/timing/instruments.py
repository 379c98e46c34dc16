"""What the timing core is handed: a clock, a device, a watch over both, and a source of chance.

The real ones and the simulated ones of the tests share all code above them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

Call = Callable[[int], object]
"""The work to time: called with a running number, which picks the input from a pool."""


@runtime_checkable
class Clock(Protocol):
    """Where time comes from."""

    def now_ns(self) -> int:
        """Monotonic time in nanoseconds."""
        ...

    def rest(self, seconds: float) -> None:
        """Let time pass, so that something can cool down."""
        ...


class Counters(NamedTuple):
    """What a device has done so far in addition to the work itself."""

    compiles: int = 0
    """Graphs compiled or captured, algorithms searched for."""
    allocations: int = 0
    """Memory blocks that the allocator had to ask the driver for."""
    retries: int = 0
    """Allocations that succeeded only after cached memory was given back."""


@runtime_checkable
class Device(Protocol):
    """Where the work is done; a GPU runs behind the host, the host itself does not."""

    def wait(self) -> None:
        """Block until all work that was started has finished."""
        ...

    def mark(self, again: Any | None = None) -> Any | None:
        """A point in the device's own work; None where the device is the host.

        A mark that is passed as `again` is reused, which is faster than a new one.
        """
        ...

    def seconds_between(self, start: Any, end: Any) -> float:
        """Time on the device's clock between two marks that it has passed."""
        ...

    def counters(self) -> Counters:
        """How often what should be over by now has happened."""
        ...


class SliceConditions(NamedTuple):
    """The state of the machine during a slice."""

    taints: tuple[str, ...] = ()
    """Reasons to discard the slice and repeat it."""
    disturbances: tuple[str, ...] = ()
    """Reasons for doubt; the slice is kept, since what disturbs may be the work's own doing."""


@runtime_checkable
class Monitor(Protocol):
    """Monitors the machine during slices."""

    def begin(self) -> None:
        """A slice begins."""
        ...

    def end(self) -> SliceConditions:
        """End the slice; returns the conditions since `begin`."""
        ...

    def has_settled(self) -> bool:
        """Whether the device's clock frequency has stopped moving; True where it cannot be read."""
        ...


@dataclass(frozen=True)
class HostClock:
    """The host's monotonic clock, `time.perf_counter_ns`."""

    def now_ns(self) -> int:
        """Nanoseconds since some moment."""
        return time.perf_counter_ns()

    def rest(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


@dataclass(frozen=True)
class HostDevice:
    """The host as the device: never ahead of itself."""

    def wait(self) -> None:
        """Return immediately."""

    def mark(self, again: Any | None = None) -> None:
        """Nothing that could be marked."""

    def seconds_between(self, start: Any, end: Any) -> float:  # noqa: ARG002 - as the protocol has it
        """There are no marks."""
        raise TypeError("the host gives no marks")

    def counters(self) -> Counters:
        """Nothing."""
        return Counters()


@dataclass(frozen=True)
class NoMonitor:
    """No one looks."""

    def begin(self) -> None:
        """Look away."""

    def end(self) -> SliceConditions:
        """Nothing was seen."""
        return SliceConditions()

    def has_settled(self) -> bool:
        """Not known here."""
        return True


@dataclass(frozen=True)
class Instruments:
    """Everything that a measurement is made with."""

    clock: Clock = HostClock()
    device: Device = HostDevice()
    monitor: Monitor = NoMonitor()
    rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - an order, not a secret

    def time(self, call: Call, number: int) -> float:
        """Seconds of one call, from the host's side, until its result is ready."""
        before = self.clock.now_ns()
        call(number)
        self.device.wait()
        return (self.clock.now_ns() - before) * 1e-9


def overhead_s(clock: Clock, pairs: int = 1000) -> float:
    """Seconds that two readings of a clock take: the median of this many."""
    return float(np.median([-(clock.now_ns() - clock.now_ns()) for _ in range(pairs)])) * 1e-9


@runtime_checkable
class Keeper(Monitor, Protocol):
    """A monitor with a summary of all slices."""

    def summary(self) -> Mapping[str, float]:
        """Over all slices."""
        ...


@dataclass(frozen=True)
class Together:
    """What any of them has seen."""

    monitors: Sequence[Keeper]

    def begin(self) -> None:
        """Let all begin."""
        for monitor in self.monitors:
            monitor.begin()

    def end(self) -> SliceConditions:
        """Let all end, and join what they saw."""
        seen = [monitor.end() for monitor in self.monitors]
        return SliceConditions(
            tuple(taint for one in seen for taint in one.taints),
            tuple(disturbance for one in seen for disturbance in one.disturbances),
        )

    def has_settled(self) -> bool:
        """Whether all say so."""
        return all(monitor.has_settled() for monitor in self.monitors)

    def summary(self) -> Mapping[str, float]:
        """The summaries of all monitors."""
        return {name: value for monitor in self.monitors for name, value in monitor.summary().items()}
