"""What both sides time in turn: one model at one batch size, prepared in a side's process."""

from __future__ import annotations

import gc
import time
from statistics import median

from cvbench.interfaces import Model
from cvbench.models.weights.loading import load_weight_file
from cvbench.runner.ab.messages import Prepare, SliceTimes
from cvbench.runner.build import build_inference, open_cell
from cvbench.runner.inference import input_pool
from cvbench.runner.progress import StageTimes
from cvbench.timing.memory import TorchDevice

LEAST = 3
"""Iterations of a warm-up."""


class PreparedBenchmark:
    """A warm network and a pool of its inputs. Nothing is trained: weights are the suite's or the seed's."""

    def __init__(self, order: Prepare) -> None:
        def load(model: Model) -> None:
            if order.weights is not None:
                load_weight_file(model, order.weights)

        times = StageTimes(lambda _: None)
        opened = open_cell(order.cell, times=times)
        built = build_inference(order.cell, opened, order.weights, load=load, times=times)
        self._inference, self._device = built.inference, TorchDevice(opened.device)
        self._pool = input_pool(self._inference, opened.data, batch=order.batch)
        self._number = 0
        began, taken = time.perf_counter(), list[float]()
        while len(taken) < LEAST or time.perf_counter() - began < order.warmup_s:
            taken.append(self._timed(1))
        self.once_s = median(taken[len(taken) // 2 :])
        gc.collect()
        gc.freeze()  # what is there now is there to stay: collecting before each slice need not look at it

    def time_slice(self, iterations: int) -> SliceTimes:
        """One slice: an untimed iteration or more, then `iterations` timed ones."""
        lead_in = time.perf_counter()
        while time.perf_counter() - lead_in < min(0.02, 2 * self.once_s):
            self._timed(1)
        gc.collect()
        gc.disable()
        try:
            start = time.perf_counter_ns()
            spent_s = self._timed(iterations)
        finally:
            gc.enable()
        end = time.perf_counter_ns()
        return SliceTimes(seconds=spent_s / iterations, iterations=iterations, start=start, end=end)

    def _timed(self, iterations: int) -> float:
        """Each iteration is waited for, as in a latency."""
        before = time.perf_counter_ns()
        for _ in range(iterations):
            self._inference(self._pool[self._number % len(self._pool)])
            self._device.wait()
            self._number += 1
        return (time.perf_counter_ns() - before) * 1e-9
