"""Latency: how long one batch takes, from the call until its result is ready on the host's side.

First form: one process, host clock, warm caches, back to back. The wait for the device stands
inside every sample, so an asynchronous device cannot hide its work.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np

from cvbench.record import Measurement
from cvbench.spec import LatencyPlan
from cvbench.statistics.series import NEEDED, effective_n, median_interval
from cvbench.timing.series import Call, Clock, Series, warm_up

PROTOCOL = "latency/host/closed-loop/warm/1-process"
LEAST = 10
"""Iterations taken however slow they are."""


def measure_latency(
    call: Call, plan: LatencyPlan, *, clock: Clock, on_step: Callable[[float], None] = lambda _: None
) -> Series:
    """Time `call` one at a time, as the plan says; `on_step` hears the share that is done.

    The garbage collector rests while samples are taken.
    """
    calls = warm_up(call, seconds=plan.warmup, clock=clock)
    samples: list[int] = []
    gc.collect()
    gc.disable()
    try:
        start = clock.now_ns()
        while len(samples) < LEAST or (
            len(samples) < plan.iterations and clock.now_ns() - start < plan.duration * 1e9
        ):
            before = clock.now_ns()
            call(calls + len(samples))
            clock.wait()
            samples.append(clock.now_ns() - before)
            elapsed = (clock.now_ns() - start) * 1e-9
            on_step(min(1.0, max(len(samples) / plan.iterations, elapsed / plan.duration)))
    finally:
        gc.enable()
    return Series("latency", f"batch={plan.batch}", "s", np.array(samples) * 1e-9, calls)


def latency_figures(series: Series) -> list[Measurement]:
    """p50 with its interval, and the higher percentiles that the series can carry.

    A percentile that needs more independent iterations than there are is missing, and says so.
    """
    carried = effective_n(series.values)
    figures = []
    for percent, needed in NEEDED.items():
        enough = carried >= needed
        figures.append(
            Measurement(
                name=f"latency_p{percent}",
                at=series.at,
                value=float(np.quantile(series.values, percent / 100)) if enough else None,
                missing=None
                if enough
                else f"{len(series.values)} iterations are worth {carried:.0f}; it needs {needed}",
                unit="s",
                direction="lower",
                n=len(series.values),
                interval=median_interval(series.values) if percent == 50 else None,
                protocol=PROTOCOL,
            )
        )
    return figures
