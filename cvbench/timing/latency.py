"""Latency: how long one batch takes, from the call until its result is ready on the host's side.

Host clock, warm caches, back to back. The wait for the device stands
inside every sample, so an asynchronous device cannot hide its work.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np

from cvbench.record import Measurement
from cvbench.spec import LatencyPlan
from cvbench.statistics.series import NEEDED, effective_n, geometric_mean, mean_interval, median_interval
from cvbench.statistics.series import Series as Samples
from cvbench.timing.series import Call, Clock, Series, protocol, warm_up

PROTOCOL = "latency/host/closed-loop/warm"
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

    Of several processes, the p50 is the geometric mean of their medians, with Student's t interval on
    the logarithms: a process is one observation, however many iterations it took. Higher percentiles
    are of all iterations; one that needs more independent ones than there are is missing, and says so.
    """
    rounds = series.by_round()
    pooled = series.accepted
    carried = sum(effective_n(values) for values in rounds)
    return [_p50(series), *(_percentile(pooled, p, series, carried) for p in NEEDED if p != 50)]


def _p50(series: Series) -> Measurement:
    medians = np.array([np.median(values) for values in series.by_round()])
    several = series.round is not None
    return Measurement(
        name="latency_p50",
        at=series.at,
        value=geometric_mean(medians) if several else float(medians[0]),
        unit="s",
        direction="lower",
        n=len(medians) if several else len(series.accepted),
        interval=mean_interval(medians) if several else median_interval(series.accepted),
        protocol=protocol(PROTOCOL, series),
    )


def _percentile(pooled: Samples, percent: int, series: Series, carried: float) -> Measurement:
    enough = carried >= NEEDED[percent]
    return Measurement(
        name=f"latency_p{percent}",
        at=series.at,
        value=float(np.quantile(pooled, percent / 100)) if enough else None,
        missing=None
        if enough
        else f"{len(pooled)} iterations are worth {carried:.0f}; it needs {NEEDED[percent]}",
        unit="s",
        direction="lower",
        n=len(pooled),
        protocol=protocol(PROTOCOL, series),
    )
