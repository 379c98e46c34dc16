"""A clock that only moves when the simulated work moves it."""

from __future__ import annotations

from collections.abc import Callable


class SimulatedClock:
    """Host and device: work takes host time to start, and device time until it is done."""

    def __init__(self) -> None:
        self.host_ns = 0
        self.device_free_ns = 0
        self.waits = 0

    def now_ns(self) -> int:
        return self.host_ns

    def wait(self) -> None:
        self.waits += 1
        self.host_ns = max(self.host_ns, self.device_free_ns)

    def work(self, *, launch_s: float, run_s: Callable[[int], float]) -> Callable[[int], None]:
        """A call that returns after `launch_s` while the device is busy for `run_s(number)`."""

        def call(number: int) -> None:
            self.host_ns += round(launch_s * 1e9)
            begin = max(self.host_ns, self.device_free_ns)
            self.device_free_ns = begin + round(run_s(number) * 1e9)

        return call


class Unsynchronised(SimulatedClock):
    """The mutant: a harness that forgets to wait for the device."""

    def wait(self) -> None:
        self.waits += 1
