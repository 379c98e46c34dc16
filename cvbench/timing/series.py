"""What a measurement leaves behind: every raw sample, and the clock it was taken with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float64, Int32

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
    """Calls made before the first sample, and not counted; in each process where there were several."""
    round: Int32[np.ndarray, " n"] | None = None
    """The process that took each sample; None where one took all."""
    valid: Bool[np.ndarray, " n"] | None = None
    """False where a sample was taken while something disturbed it; None where all count."""

    @property
    def accepted(self) -> Float64[np.ndarray, " valid"]:
        """The samples that count."""
        return self.values if self.valid is None else self.values[self.valid]

    def by_round(self) -> list[Float64[np.ndarray, " valid"]]:
        """The samples that count, apart by the process that took them; processes without any are left out."""
        if self.round is None:
            return [self.accepted] if len(self.accepted) else []
        numbers = self.round if self.valid is None else self.round[self.valid]
        return [self.accepted[numbers == number] for number in np.unique(numbers)]


def joined(parts: Sequence[tuple[int, Series]]) -> Series:
    """One series of those that several processes took, each with its round's number; at least one."""
    first = parts[0][1]
    rounds = [np.full(len(part.values), number, dtype=np.int32) for number, part in parts]
    valid = None
    if any(part.valid is not None for _, part in parts):
        valid = np.concatenate(
            [np.ones(len(p.values), dtype=bool) if p.valid is None else p.valid for _, p in parts]
        )
    return replace(
        first,
        values=np.concatenate([part.values for _, part in parts]),
        warmup_calls=max(part.warmup_calls for _, part in parts),
        round=np.concatenate(rounds),
        valid=valid,
    )


def protocol(rule: str, series: Series) -> str:
    """The rule, and what was repeated by it: iterations of one process, or processes."""
    return f"{rule}/1-process" if series.round is None else f"{rule}/rounds"


def warm_up(call: Call, *, seconds: float, clock: Clock, least: int = 3) -> int:
    """Call until `seconds` have passed and at least `least` calls were made; returns their number."""
    start, calls = clock.now_ns(), 0
    while calls < least or clock.now_ns() - start < seconds * 1e9:
        call(calls)
        clock.wait()
        calls += 1
    return calls
