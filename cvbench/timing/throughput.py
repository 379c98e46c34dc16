"""Throughput: images a second when batches follow one another without being waited for.

A window ends with the only wait in it; its images over its wall time are one sample.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np

from cvbench.record import Measurement
from cvbench.spec import ThroughputPlan
from cvbench.statistics.series import geometric_mean, mean_interval
from cvbench.timing.series import Call, Clock, Series, protocol, warm_up

PROTOCOL = "throughput/windows/no-step-sync"


def measure_throughput(
    call: Call,
    plan: ThroughputPlan,
    *,
    batch: int,
    clock: Clock,
    on_step: Callable[[float], None] = lambda _: None,
) -> Series:
    """Images a second in each of the plan's windows, `batch` images a call.

    The number of calls in a window is settled once, after the warm-up, and then frozen.
    """
    calls = warm_up(call, seconds=plan.warmup, clock=clock)
    before = clock.now_ns()
    call(calls)
    clock.wait()
    once = max(1, clock.now_ns() - before)
    steps = max(1, round(plan.window * 1e9 / once))
    rates = []
    gc.collect()
    gc.disable()
    try:
        for done in range(plan.windows):
            before = clock.now_ns()
            for step in range(steps):
                call(step)
            clock.wait()
            rates.append(batch * steps / ((clock.now_ns() - before) * 1e-9))
            on_step((done + 1) / plan.windows)
    finally:
        gc.enable()
    return Series("throughput", f"batch={batch}", "images/s", np.array(rates), calls + 1)


def throughput_figure(series: Series) -> Measurement:
    """The geometric mean over windows, with Student's t interval on their logarithms.

    Of several processes, each process's mean is one observation.
    """
    values = series.accepted
    if series.round is not None:
        values = np.array([geometric_mean(windows) for windows in series.by_round()])
    return Measurement(
        name="throughput",
        at=series.at,
        value=geometric_mean(values),
        unit="images/s",
        direction="higher",
        n=len(values),
        interval=mean_interval(values),
        protocol=protocol(PROTOCOL, series),
    )
