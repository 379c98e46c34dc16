"""Warm-up in four phases, each counted: the first call, compilation, clocks and caches, a steady check.

In a comparison, and in all rounds after the first, the counts of the first round are used again: a warm-up
that adapts in each process would be one more difference between processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cvbench.statistics.series import theil_sen
from cvbench.timing.instruments import Call, Instruments

QUIET = 3
"""Consecutive calls without a compilation that end the second phase."""
LONGEST_COMPILING_S = 30.0
"""The second phase ends then in any case: the call is slow rather than cold."""
MOST_COMPILING = 20
"""Calls after which a model that never stops compiling is timed as it is."""
LEAST_SETTLING = 5
CAP = 5.0
"""The last two phases end after this multiple of the planned seconds."""
STEADY_CHANGE, STEADY_DRIFT = 0.01, 0.005
"""Between the halves of the last phase, relative; and per second, by the Theil-Sen slope."""
LONGEST_LOOK_S = 2.0
LEAST_LOOKS, MOST_LOOKS = 6, 200


@dataclass(frozen=True)
class WarmUp:
    """How a call was brought to its normal pace."""

    first_s: float
    """The first call: allocations, lazy loading, compilation."""
    counts: Mapping[str, int]
    """Calls by phase: `first`, `compile`, `settle`, `steady`."""
    pace_s: float
    """The median call of the last phase."""
    steady: bool
    """Whether the last phase was level."""

    @property
    def calls(self) -> int:
        """Of all phases."""
        return sum(self.counts.values())


def warm_up(
    call: Call, *, seconds: float, instruments: Instruments, frozen: Mapping[str, int] | None = None
) -> WarmUp:
    """Call until the pace is level, or as often as `frozen` says."""
    work = _Work(call, instruments, seconds)
    first_s = work.take()
    work.since_ns = instruments.clock.now_ns()
    if frozen is None:
        compiling, settling = _compile(work), _settle(work)
    else:
        compiling, settling = frozen["compile"], frozen["settle"]
        for _ in range(compiling + settling):
            work.take()
    before = work.number
    looks = _look_on(work, frozen["steady"] if frozen is not None else None)
    counts = {"first": 1, "compile": compiling, "settle": settling, "steady": work.number - before}
    times = np.array([seconds for _, seconds in looks]) if looks else np.array([first_s])
    return WarmUp(first_s, counts, float(np.median(times)), is_steady(looks))


def is_steady(looks: list[tuple[float, float]]) -> bool:
    """Whether (moment, seconds) pairs are level: halves within 1 %, drift below 0.5 % per second.

    Fewer than 6 count as not steady.
    """
    if len(looks) < LEAST_LOOKS:
        return False
    moments, times = np.array(looks).T
    half = len(times) // 2
    before, after, level = np.median(times[:half]), np.median(times[half:]), np.median(times)
    drift = theil_sen(moments, times) / level
    return bool(abs(after - before) <= STEADY_CHANGE * level and abs(drift) <= STEADY_DRIFT)


@dataclass
class _Work:
    """The call, counted and timed."""

    call: Call
    instruments: Instruments
    seconds: float
    since_ns: int = 0
    number: int = field(default=0)

    def take(self) -> float:
        self.number += 1
        return self.instruments.time(self.call, self.number - 1)

    def look(self) -> tuple[float, float]:
        """When it was called, and how long that took."""
        return self.elapsed_s, self.take()

    @property
    def elapsed_s(self) -> float:
        return (self.instruments.clock.now_ns() - self.since_ns) * 1e-9

    @property
    def is_late(self) -> bool:
        return self.elapsed_s > CAP * self.seconds


def _compile(work: _Work) -> int:
    calls = quiet = 0
    while quiet < QUIET and calls < MOST_COMPILING and work.elapsed_s < LONGEST_COMPILING_S:
        before = work.instruments.device.counters().compiles
        work.take()
        calls += 1
        quiet = quiet + 1 if work.instruments.device.counters().compiles == before else 0
    if work.elapsed_s < LONGEST_COMPILING_S:
        work.since_ns = work.instruments.clock.now_ns()
    return calls


def _settle(work: _Work) -> int:
    calls = 0
    while not work.is_late and (
        calls < LEAST_SETTLING or work.elapsed_s < work.seconds or not work.instruments.monitor.has_settled()
    ):
        work.take()
        calls += 1
    return calls


def _look_on(work: _Work, calls: int | None = None) -> list[tuple[float, float]]:
    """Samples of the last stretch: lengthened until steady or late, or for `calls` calls.

    Very short calls are sampled evenly in time.
    """
    stretch_s = min(LONGEST_LOOK_S, work.seconds)
    looks: list[tuple[float, float]] = []
    first, due_s = work.number, work.elapsed_s + stretch_s
    while work.number - first < calls if calls is not None else not work.is_late:
        look = work.look()
        if not looks or look[0] - looks[-1][0] >= stretch_s / MOST_LOOKS:
            looks.append(look)
        if calls is None and work.elapsed_s >= due_s:
            recent = sum(look[0] >= work.elapsed_s - stretch_s for look in looks)
            looks = looks[-max(recent, LEAST_LOOKS) :]
            if is_steady(looks):
                break
            due_s = work.elapsed_s + stretch_s / 4
    return looks
