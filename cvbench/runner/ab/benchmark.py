"""A piece of work that both arms of a duet do in turn: one model at one batch size."""

from __future__ import annotations

import gc
import time
from statistics import median
from typing import Any

import torch

from cvbench.data.datasets import open_dataset
from cvbench.models.building import build_model, task_of
from cvbench.models.weights.loading import load_weight_file
from cvbench.runner.inference import Inference, device_of, input_pool, set_precision
from cvbench.spec.catalogue.weights import weight_file
from cvbench.spec.cell import Cell
from cvbench.timing.memory import TorchDevice

LEAST = 3
"""Iterations of a warm-up."""


class Work:
    """A prepared piece of work: one model, one batch size, in turn with the other arm's."""

    def __init__(self, cell: Cell, *, batch: int, warmup_s: float) -> None:
        torch.manual_seed(cell.seed)
        set_precision(cell.runtime.precision)
        device = device_of(cell.runtime.device)
        data = open_dataset(cell.data, task=task_of(cell.model))
        model = build_model(cell.model, len(data.classes))
        if (file := weight_file(cell.model)) is not None:
            load_weight_file(model, file)
        inference = Inference.of(model, cell.runtime, device)
        self._inference, self._device = inference, TorchDevice(device)
        self._pool = input_pool(inference, data, batch=batch)
        self._number = 0
        began, taken = time.perf_counter(), list[float]()
        while len(taken) < LEAST or time.perf_counter() - began < warmup_s:
            taken.append(self._timed(1))
        self.once_s = median(taken[len(taken) // 2 :])
        gc.collect()
        gc.freeze()  # what is there now is there to stay: collecting before each slice need not look at it

    def slice(self, iterations: int) -> dict[str, Any]:
        """One turn: an untimed iteration or more, then so many timed ones."""
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
        return {
            "seconds": spent_s / iterations,
            "iterations": iterations,
            "start": start,
            "end": end,
        }

    def _timed(self, iterations: int) -> float:
        """Each iteration is waited for, as in a latency."""
        before = time.perf_counter_ns()
        for _ in range(iterations):
            self._inference(self._pool[self._number % len(self._pool)])
            self._device.wait()
            self._number += 1
        return (time.perf_counter_ns() - before) * 1e-9
