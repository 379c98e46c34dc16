"""Throughput: images per second, with batches back to back.

The only wait for the device is at the end of a window. One sample is a window's images over its wall time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cvbench.record import Measurement
from cvbench.spec.cell import ThroughputPlan, TrainStepPlan
from cvbench.statistics.series import geometric_mean, half_width, mean_interval
from cvbench.timing.instruments import Call, Instruments
from cvbench.timing.series import Series, protocol
from cvbench.timing.slices import WENT_BACK, Tally, settled_heap
from cvbench.timing.warmup import warm_up

PROTOCOL = "throughput/windows/no-step-sync"
END_TO_END_PROTOCOL = "end-to-end/windows that alternate: all, loading alone, the model alone"
TRAINING_PROTOCOL = "train-step/windows/no-step-sync"
KNEE_PROTOCOL = "throughput/knee/least batch whose interval reaches 95 % of the best"
_RULES = {"throughput": PROTOCOL, "train_throughput": TRAINING_PROTOCOL}
KNEE = 0.95
LAUNCH_BOUND = 0.97
"""Where starting a step takes this share of it, the device waits for the host."""
STEPS_ALONE = 10
LEAST = 3
"""Least number of windows, however long they take."""


def measure_throughput(
    call: Call,
    plan: ThroughputPlan | TrainStepPlan,
    *,
    batch: int,
    instruments: Instruments,
    frozen: Mapping[str, int] | None = None,
    target: float | None = None,
    limit_s: float | None = None,
    on_step: Callable[[float], None] = lambda _: None,
) -> Series:
    """Images per second in each of the plan's windows, with `batch` images per call.

    The number of calls in a window is settled once, after the warm-up, and then frozen. With a `target`
    windows are added until the interval's half-width is that share of the value, or for `limit_s`.
    """
    warmed = warm_up(call, seconds=plan.warmup, instruments=instruments, frozen=frozen)
    launch_s = _launch_s(call, instruments)
    steps = frozen["steps"] if frozen else max(1, round(plan.window / max(warmed.pace_s, 1e-9)))
    rates: list[float] = []
    valid: list[bool] = []
    tally = Tally(instruments)
    start, number = instruments.clock.now_ns(), 0

    def is_done() -> bool:
        if target is None or limit_s is None:
            return sum(valid) >= plan.windows
        late = instruments.clock.now_ns() - start >= limit_s * 1e9
        known = half_width(mean_interval(np.array(rates)[np.array(valid, dtype=bool)]))
        return (sum(valid) >= LEAST and late) or known <= target

    with settled_heap():
        while not is_done() and tally.invalid is None:
            with tally.monitored() as judgement:
                before = instruments.clock.now_ns()
                for _ in range(steps):
                    call(number)
                    number += 1
                instruments.device.wait()
                window_s = (instruments.clock.now_ns() - before) * 1e-9
                rates.append(batch * steps / window_s if window_s > 0 else math.nan)
                if window_s <= 0:
                    judgement.spoilt_by = WENT_BACK
            valid.append(judgement.valid)
            on_step(min(1.0, sum(valid) / plan.windows))
    kept = np.array(valid) & (tally.invalid is None)
    cautions = list(tally.cautions())
    if not warmed.steady:
        cautions.append(f"not steady after {warmed.calls} calls of warm-up")
    if launch_s is not None and kept.any():
        step_s = batch / geometric_mean(np.array(rates)[kept])
        if launch_s >= LAUNCH_BOUND * step_s:
            cautions.append(f"launch-bound: the host is busy for {launch_s / step_s:.0%} of a step")
    return Series(
        name="throughput",
        at=f"batch={batch}",
        unit="images/s",
        values=np.array(rates),
        warmup_calls=warmed.calls,
        valid=None if kept.all() else kept,
        counts={**warmed.counts, "steps": steps},
        invalid=tally.invalid,
        cautions=tuple(cautions),
    )


def out_of_memory(batch: int, reason: str, *, name: str = "throughput") -> Series:
    """The series of a batch that does not fit: no samples, and why."""
    return Series(name, f"batch={batch}", "images/s", np.array([]), 0, invalid=reason)


def _launch_s(call: Call, instruments: Instruments) -> float | None:
    """What the host needs to start a step on an idle device; None where the device is the host."""
    clock, device, times = instruments.clock, instruments.device, []
    if device.mark() is None:
        return None
    for number in range(STEPS_ALONE):
        device.wait()
        before = clock.now_ns()
        call(number)
        times.append((clock.now_ns() - before) * 1e-9)
    device.wait()
    return float(np.median(times))


def throughput_figure(series: Series) -> Measurement:
    """The geometric mean over windows, with Student's t interval on their logarithms.

    Of several processes, each process's mean is one observation.
    """
    values = series.accepted
    if series.round is not None:
        values = np.array([geometric_mean(windows) for windows in series.by_round()])
    rule = _RULES.get(series.name, END_TO_END_PROTOCOL)
    return Measurement(
        name=series.name,
        at=series.at,
        value=geometric_mean(values) if len(values) else None,
        missing=None if len(values) else series.invalid or "no window was taken",
        unit="images/s",
        direction="higher",
        n=len(values),
        interval=mean_interval(values),
        protocol=protocol(rule, series),
    )


def knee(figures: Sequence[Measurement]) -> Measurement | None:
    """The smallest batch whose rate is close to the best; None for fewer than three batches."""
    known = [(int(f.at.removeprefix("batch=")), f) for f in figures if f.value is not None]
    if len(known) < 3:
        return None
    best = max(figure.value or 0.0 for _, figure in known)
    reaching = [
        batch for batch, f in known if (f.interval[1] if f.interval else f.value or 0.0) >= KNEE * best
    ]
    return Measurement(
        name="knee_batch",
        value=float(min(reaching)),
        unit="images",
        direction="neither",
        n=len(known),
        protocol=KNEE_PROTOCOL,
    )
