"""Latency: how long one batch takes, from the call until its result is ready on the host's side.

Warm caches, back to back. Every sample includes the wait for the device, so an asynchronous device cannot
hide its work. The device's own clock is read too; the difference is launch and Python overhead. Forward
pass and decoding are timed in separate slices that alternate with slices of the whole, in random order, so
that all run under the same conditions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cvbench.record import Measurement
from cvbench.spec.cell import LatencyPlan
from cvbench.statistics.series import (
    NEEDED,
    effective_n,
    geometric_mean,
    half_width,
    mean_interval,
    median_interval,
)
from cvbench.timing.instruments import Call, Instruments, overhead_s
from cvbench.timing.series import Series, protocol
from cvbench.timing.slices import WENT_BACK, Tally, settled_heap
from cvbench.timing.warmup import WarmUp, warm_up

PROTOCOL = "latency/host/closed-loop/warm"
DEVICE_PROTOCOL = "latency/device-events/closed-loop/warm"
TARGETS = {"cuda": 0.01, "cpu": 0.02}
"""Precision at which a plan with a budget stops: half-width of the interval, relative, by device."""
LEAST = 3
"""Least iterations, even of slow calls, unless the plan has fewer."""
SLICE_S, SLICE_LEAST = 0.2, 5
"""Duration of a slice, and its least number of samples."""
LEAST_SLICES = 4
"""Least number of slices per call; with little time, slices are shorter."""
RESOLVED = 1000
"""Least ratio of a sample to one reading of the clock; shorter calls are timed in groups."""
SHORT_S = 200e-6
"""Calls above it are never grouped."""

Counts = Mapping[str, Mapping[str, int]]
"""Series → the counts that the first round settled."""


def measure_latency(
    call: Call,
    plan: LatencyPlan,
    *,
    instruments: Instruments,
    parts: Mapping[str, Call] | None = None,
    frozen: Counts | None = None,
    target: float | None = None,
    on_step: Callable[[float], None] = lambda _: None,
) -> list[Series]:
    """Time `call` one call at a time, as the plan says, and its parts in the same way.

    With a `target`, until the half-width of the median's interval is that share of it or the plan's
    duration is over; else until the plan's iterations or its duration. `on_step` hears the share done.
    The first series is of the whole; a device with a clock of its own adds one, and each part one.
    """
    calls = {"latency": call, **(parts or {})}
    at = f"batch={plan.batch}"
    lanes = [
        _Lane(
            name,
            one,
            at,
            instruments,
            warm_up(
                one, seconds=plan.warmup, instruments=instruments, frozen=(frozen or {}).get(f"{name}@{at}")
            ),
            (frozen or {}).get(f"{name}@{at}", {}).get("group"),
        )
        for name, one in calls.items()
    ]
    whole, start = lanes[0], instruments.clock.now_ns()
    limit_s = plan.duration
    least = LEAST if target is not None else min(LEAST, plan.iterations)
    slice_s = min(SLICE_S, limit_s / (LEAST_SLICES * len(lanes)))

    def elapsed_s() -> float:
        return (instruments.clock.now_ns() - start) * 1e-9

    def share() -> float:
        counted = len(whole.accepted) / plan.iterations if target is None else 0.0
        return min(1.0, max(counted, elapsed_s() / limit_s))

    with settled_heap():
        while whole.tally.invalid is None and (
            len(whole.accepted) < least or (share() < 1.0 and not whole.is_precise(target))
        ):
            wanted = math.inf if target is not None else plan.iterations - len(whole.accepted)
            for lane in instruments.rng.sample(lanes, len(lanes)):
                lane.take_slice(slice_s, until_s=limit_s - elapsed_s(), most=wanted, lead_in=len(lanes) > 1)
            on_step(share())
    on_step(1.0)
    return [series for lane in lanes for series in lane.series(plan, target)]


@dataclass
class _Lane:
    """One call and its samples."""

    name: str
    call: Call
    at: str
    instruments: Instruments
    warmed: WarmUp
    frozen_group: int | None = None
    host: list[float] = field(default_factory=list)
    device: list[float] = field(default_factory=list)
    slices: list[int] = field(default_factory=list)
    valid: list[bool] = field(default_factory=list)
    began: Any | None = None
    ended: Any | None = None
    """The device's marks, reused for each sample: creating one takes longer than setting it."""

    def __post_init__(self) -> None:
        self.tally = Tally(self.instruments)
        self.number = self.warmed.calls
        self.group = self.frozen_group or _group(self.warmed.pace_s, self.instruments)

    @property
    def accepted(self) -> list[float]:
        return [value for value, valid in zip(self.host, self.valid, strict=True) if valid]

    def is_precise(self, target: float | None) -> bool:
        """Whether the median is as precise as the target."""
        return target is not None and half_width(median_interval(np.array(self.accepted))) <= target

    def take_slice(self, slice_s: float, *, until_s: float, most: float, lead_in: bool) -> None:
        """Samples for the length of a slice, and a call before that undoes what other work left behind."""
        if lead_in:
            self.instruments.time(self.call, self._next())
        clock, taken = self.instruments.clock, 0
        with self.tally.monitored() as judgement:
            start = clock.now_ns()
            while taken < min(most, LEAST if (clock.now_ns() - start) * 1e-9 >= until_s else SLICE_LEAST) or (
                taken < most and (clock.now_ns() - start) * 1e-9 < min(slice_s, until_s)
            ):
                self._take()
                taken += 1
                if self.host[-1] < 0:
                    judgement.spoilt_by = WENT_BACK
        self.slices += [self.tally.taken - 1] * taken
        self.valid += [judgement.valid] * taken

    def _take(self) -> None:
        self.host.append(self._alone() if self.group == 1 else self._grouped())

    def _alone(self) -> float:
        clock, device = self.instruments.clock, self.instruments.device
        before = clock.now_ns()
        self.began = device.mark(self.began)
        self.call(self._next())
        self.ended = device.mark(self.ended)
        device.wait()
        seconds = (clock.now_ns() - before) * 1e-9
        if self.began is not None:
            self.device.append(device.seconds_between(self.began, self.ended))
        return seconds

    def _grouped(self) -> float:
        clock, device = self.instruments.clock, self.instruments.device
        before = clock.now_ns()
        for _ in range(self.group):
            self.call(self._next())
            device.wait()
        return (clock.now_ns() - before) * 1e-9 / self.group

    def _next(self) -> int:
        self.number += 1
        return self.number - 1

    def series(self, plan: LatencyPlan, target: float | None) -> list[Series]:
        valid = np.array(self.valid, dtype=bool)
        if self.tally.invalid is not None:
            valid[:] = False
        host = Series(
            name=self.name,
            at=self.at,
            unit="s",
            values=np.array(self.host),
            warmup_calls=self.warmed.calls,
            slice=np.array(self.slices, dtype=np.int32),
            valid=None if valid.all() else valid,
            counts={**self.warmed.counts, "group": self.group},
            invalid=self.tally.invalid,
            cautions=tuple(self._cautions(plan, target)),
        )
        if not self.device:
            return [host]
        device = Series(
            name=f"{self.name}_device",
            at=self.at,
            unit="s",
            values=np.array(self.device),
            warmup_calls=self.warmed.calls,
            slice=host.slice,
            valid=host.valid,
            counts=host.counts,
            invalid=host.invalid,
        )
        return [host, device]

    def _cautions(self, plan: LatencyPlan, target: float | None) -> list[str]:
        said = list(self.tally.cautions())
        taken = len(self.accepted)
        if not self.warmed.steady:
            said.append(f"not steady after {self.warmed.calls} calls of warm-up")
        if taken <= LEAST and self.name == "latency" and (target is not None or taken < plan.iterations):
            said.append(f"too slow for its duration: {taken} iterations in {plan.duration:g} s")
        width = half_width(median_interval(np.array(self.accepted))) if taken else math.inf
        if target is not None and self.name == "latency" and width > target:
            known = f"{width:.1%}" if math.isfinite(width) else "unknown"
            said.append(f"the half-width is {known} after {plan.duration:g} s; the target is {target:.1%}")
        return said


def _group(pace_s: float, instruments: Instruments) -> int:
    """How many calls make a sample that the clock can resolve."""
    least_s = RESOLVED * overhead_s(instruments.clock)
    if pace_s >= min(SHORT_S, least_s):
        return 1
    return max(1, math.ceil(least_s / max(pace_s, 1e-9)))


def latency_figures(series: Series) -> list[Measurement]:
    """p50 with its interval, and the higher percentiles that the series can carry.

    Of several processes, the p50 is the geometric mean of one value each, with Student's t interval on
    the logarithms: a process is one observation, however many iterations it took. Higher percentiles
    are of all iterations; one that needs more independent ones than there are is missing, and says so.
    """
    rule = DEVICE_PROTOCOL if series.name.endswith("_device") else PROTOCOL
    if series.name != "latency":
        return [p50(series, rule)]
    carried = sum(effective_n(values) for values in series.by_round())
    percentiles = (_percentile(series, percent, carried) for percent in NEEDED if percent != 50)
    return [p50(series, rule), *percentiles]


def p50(series: Series, rule: str) -> Measurement:
    """The median of one process; of several the geometric mean of theirs; with its interval."""
    several = series.round is not None
    values = series.round_values() if several else series.accepted
    centre = geometric_mean if several else np.median
    interval = mean_interval if several else median_interval
    return Measurement(
        name=f"{series.name}_p50",
        at=series.at,
        value=float(centre(values)) if len(values) else None,
        missing=None if len(values) else series.invalid or "no sample was taken",
        unit="s",
        direction="lower",
        n=len(values),
        interval=interval(values) if len(values) else None,
        protocol=protocol(rule, series),
    )


def _percentile(series: Series, percent: int, carried: float) -> Measurement:
    pooled, group = series.accepted, series.counts.get("group", 1)
    missing = None
    if group > 1:
        missing = f"the calls are so short that each sample is a group of {group}"
    elif carried < NEEDED[percent]:
        missing = f"{len(pooled)} iterations equal {carried:.0f} independent ones; it needs {NEEDED[percent]}"
    return Measurement(
        name=f"latency_p{percent}",
        at=series.at,
        value=float(np.quantile(pooled, percent / 100)) if missing is None else None,
        missing=missing,
        unit="s",
        direction="lower",
        n=len(pooled),
        protocol=protocol(PROTOCOL, series),
    )
