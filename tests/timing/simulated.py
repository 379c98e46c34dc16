"""A clock, a device and a watch that only move when the simulated work moves them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cvbench.timing.instruments import Counters, Instruments, SliceConditions


@dataclass
class Mark:
    """A moment of the device, which can be set anew."""

    ns: int = 0


class SimulatedClock:
    """Host and device: work takes host time to start, and device time until it is done."""

    def __init__(self, *, has_events: bool = False) -> None:
        self.host_ns = 0
        self.device_free_ns = 0
        self.waits = 0
        self.rested_s: list[float] = []
        self.has_events = has_events
        self.counted = Counters()
        self.calls = 0
        self.marks_made = 0

    def now_ns(self) -> int:
        return self.host_ns

    def rest(self, seconds: float) -> None:
        self.rested_s.append(seconds)
        self.host_ns += round(seconds * 1e9)

    def jump(self, seconds: float) -> None:
        """Show another time from now on, as no sound clock does."""
        self.host_ns += round(seconds * 1e9)
        self.device_free_ns += round(seconds * 1e9)

    def wait(self) -> None:
        self.waits += 1
        self.host_ns = max(self.host_ns, self.device_free_ns)

    def mark(self, again: Mark | None = None) -> Mark | None:
        if not self.has_events:
            return None
        self.marks_made += again is None
        mark = Mark() if again is None else again
        mark.ns = max(self.host_ns, self.device_free_ns)
        return mark

    def seconds_between(self, start: Mark, end: Mark) -> float:
        return (end.ns - start.ns) * 1e-9

    def counters(self) -> Counters:
        return self.counted

    def work(self, *, launch_s: float, run_s: Callable[[int], float]) -> Callable[[int], None]:
        """A call that returns after `launch_s` while the device is busy for `run_s(number)`."""

        def call(number: int) -> None:
            self.calls += 1
            self.host_ns += round(launch_s * 1e9)
            begin = max(self.host_ns, self.device_free_ns)
            self.device_free_ns = begin + round(run_s(number) * 1e9)

        return call


class Unsynchronised(SimulatedClock):
    """The mutant: a harness that forgets to wait for the device."""

    def wait(self) -> None:
        self.waits += 1


class ScriptedMonitor:
    """Sees in each slice what the script says; nothing when it has ended."""

    def __init__(self, script: Iterable[SliceConditions] = (), *, settled_after: int = 0) -> None:
        self._script = iter(script)
        self._unsettled = settled_after
        self.slices = 0

    def begin(self) -> None:
        self.slices += 1

    def end(self) -> SliceConditions:
        return next(self._script, SliceConditions())

    def has_settled(self) -> bool:
        self._unsettled -= 1
        return self._unsettled < 0


def instruments(clock: SimulatedClock, monitor: ScriptedMonitor | None = None, seed: int = 0) -> Instruments:
    """All that the core is handed, simulated."""
    return Instruments(clock, clock, monitor or ScriptedMonitor(), random.Random(seed))
