"""Partners that simulate a machine: a clock that only they move, and whatever slowness is planted."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from cvbench.errors import CellError
from cvbench.runner.ab.interleave import Benchmark
from tests.records import cell


def benchmark(name="net", batch=1):
    of = cell(f"pkg:{name}")
    return Benchmark(f"{name} (batch={batch})", of, of, batch)


class Machine:
    """Both arms' processes; time passes while one of them works."""

    def __init__(self, *, slower=0.0, process_sd=0.002, slice_sd=0.003, seed=0, fails=None, null_slower=0.0):
        self.now, self.slower, self.null_slower = 0, slower, null_slower
        self.process_sd, self.slice_sd = process_sd, slice_sd
        self.draw = np.random.default_rng(seed)
        self.fails = fails or (lambda arm, order: None)
        self.started, self.alive, self.log = [], 0, []
        self.null = False

    @contextmanager
    def start(self, arm):
        self.started.append(arm)
        self.alive += 1
        try:
            yield _Partner(self, arm)
        finally:
            self.alive -= 1


class _Partner:
    def __init__(self, machine, arm):
        self.machine, self.arm = machine, arm
        self.own = machine.process_sd * machine.draw.standard_normal()

    def ask(self, order):
        machine = self.machine
        machine.log.append((self.arm, order["do"]))
        if (why := machine.fails(self.arm, order)) is not None:
            raise CellError(why)
        if order["do"] == "prepare":
            return {"once_s": 0.002}
        if order["do"] == "slice":
            slower = machine.null_slower if machine.null else machine.slower
            log = self.own + machine.slice_sd * machine.draw.standard_normal() + slower * (self.arm == "B")
            seconds, begin = 0.002 * float(np.exp(log)), machine.now
            machine.now += round(1e9 * order["iterations"] * seconds)
            return {"seconds": seconds, "iterations": order["iterations"], "start": begin, "end": machine.now}
        return {}
