"""Workers that simulate a machine: a clock that only they move, and whatever slowness is planted."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from cvbench.errors import CellError
from cvbench.runner.ab.interleave import Benchmark
from cvbench.runner.ab.messages import Freed, Prepare, Ready, SliceTimes, TimeSlice
from tests.records import cell


def benchmark(name="net", batch=1):
    of = cell(f"pkg:{name}")
    return Benchmark(f"{name} (batch={batch})", of, of, batch)


class Machine:
    """Both sides' processes; time passes while one of them works."""

    def __init__(self, *, slower=0.0, process_sd=0.002, slice_sd=0.003, seed=0, fails=None, null_slower=0.0):
        self.now, self.slower, self.null_slower = 0, slower, null_slower
        self.process_sd, self.slice_sd = process_sd, slice_sd
        self.draw = np.random.default_rng(seed)
        self.fails = fails or (lambda side, order: None)
        self.started, self.alive, self.log = [], 0, []
        self.null = False

    @contextmanager
    def start(self, side):
        self.started.append(side)
        self.alive += 1
        try:
            yield _Worker(self, side)
        finally:
            self.alive -= 1


class _Worker:
    def __init__(self, machine, side):
        self.machine, self.side = machine, side
        self.own = machine.process_sd * machine.draw.standard_normal()

    def ask(self, order, expected):
        machine = self.machine
        machine.log.append((self.side, order.kind))
        if (why := machine.fails(self.side, order)) is not None:
            raise CellError(why)
        if isinstance(order, Prepare):
            return Ready(once_s=0.002)
        if isinstance(order, TimeSlice):
            slower = machine.null_slower if machine.null else machine.slower
            log = self.own + machine.slice_sd * machine.draw.standard_normal() + slower * (self.side == "B")
            seconds, begin = 0.002 * float(np.exp(log)), machine.now
            machine.now += round(1e9 * order.iterations * seconds)
            return SliceTimes(seconds=seconds, iterations=order.iterations, start=begin, end=machine.now)
        return Freed()
