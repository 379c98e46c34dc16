"""The parts of a training step, in seconds: forward, backward, update; measured in separate steps.

The throughput is measured in steps without these marks, so the parts do not sum to it. On a GPU events mark
the end of each part, with one wait per step; on the CPU there is nothing to wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from cvbench.timing.instruments import Instruments
from cvbench.timing.latency import SLICE_S
from cvbench.timing.series import Series
from cvbench.timing.slices import Tally, settled_heap

PREFIX = "train_"
PARTS_PROTOCOL = "train-step/parts of steps of their own, by the device's marks or the host's clock"
LEAST = 10
"""Steps that are looked into, however long they take."""

Parts = Mapping[str, Callable[[int], object]]


def measure_step_parts(parts: Parts, *, at: str, seconds: float, instruments: Instruments) -> list[Series]:
    """Seconds of every part, called one after the other for so long; a series each, of the part's name."""
    clock, tally = instruments.clock, Tally(instruments)
    steps: list[list[float]] = []
    valid: list[bool] = []
    start = clock.now_ns()
    with settled_heap():
        while tally.invalid is None and (sum(valid) < LEAST or clock.now_ns() - start < seconds * 1e9):
            begun, taken = clock.now_ns(), len(steps)
            with tally.monitored() as judgement:
                while len(steps) == taken or clock.now_ns() - begun < SLICE_S * 1e9:
                    steps.append(_step(parts, len(steps), instruments))
            valid += [judgement.valid] * (len(steps) - taken)
    kept = np.array(valid, dtype=bool) & (tally.invalid is None)
    return [
        Series(
            name=f"{PREFIX}{name}",
            at=at,
            unit="s",
            values=np.array([step[place] for step in steps]),
            warmup_calls=0,
            valid=None if kept.all() else kept,
            invalid=tally.invalid,
            cautions=tuple(tally.cautions()),
        )
        for place, name in enumerate(parts)
    ]


def _step(parts: Parts, number: int, instruments: Instruments) -> list[float]:
    clock, device = instruments.clock, instruments.device
    device.wait()
    moments, marks = [clock.now_ns()], [device.mark()]
    for part in parts.values():
        part(number)
        moments.append(clock.now_ns())
        marks.append(device.mark())
    device.wait()
    if marks[0] is None:
        return [(after - before) * 1e-9 for before, after in pairwise(moments)]
    return [device.seconds_between(before, after) for before, after in pairwise(marks)]
