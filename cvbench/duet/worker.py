"""One arm's process: `python -m cvbench.duet.worker`, started by `partner`.

It does what a line of JSON on standard input says, answers with a line of JSON, and is idle in between:
whoever holds the token is the only one to compute. What it imports it imports at once, so that a pair does
so side by side, before the first token; and it imports little, for every round pays for two of it. It ends
when its standard input does.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from typing import Any

import torch

from cvbench.catalogue.weight_files import weight_file
from cvbench.datasets import open_dataset
from cvbench.models.building import build_model, task_of
from cvbench.runner.inference import Inference, device_of, set_precision
from cvbench.runner.input_pool import input_pool
from cvbench.spec import Cell
from cvbench.timing.torch_device import TorchDevice
from cvbench.weights.loading import load_weight_file

LEAST, LONG_S = 5, 0.2
"""Iterations of a slice, unless one alone takes so long."""


class Work:
    """A prepared piece of work: one model, one batch size, in turn with the other arm's."""

    def __init__(self, cell: Cell, *, batch: int, slice_s: float, warmup_s: float) -> None:
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
        began = time.perf_counter()
        while self._number < LEAST or time.perf_counter() - began < warmup_s:
            self._timed(1)
        once = self._timed(3) / 3
        self.iterations = 1 if once > LONG_S else max(LEAST, round(slice_s / once))
        self.once_s = once
        gc.collect()
        gc.freeze()  # what is there now is there to stay: collecting before each slice need not look at it

    def slice(self) -> dict[str, Any]:
        """One turn: an untimed iteration or more, then the timed ones."""
        lead_in = time.perf_counter()
        while time.perf_counter() - lead_in < min(0.02, 2 * self.once_s):
            self._timed(1)
        gc.collect()
        gc.disable()
        try:
            start = time.perf_counter_ns()
            spent_s = self._timed(self.iterations)
        finally:
            gc.enable()
        end = time.perf_counter_ns()
        return {
            "seconds": spent_s / self.iterations,
            "iterations": self.iterations,
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


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the user's code prints must not come between the answers
    work: Work | None = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            match order["do"]:
                case "prepare":
                    work = Work(Cell.model_validate(order["cell"]), **order["how"])
                    answer: dict[str, Any] = {"iterations": work.iterations, "once_s": work.once_s}
                case "slice":
                    assert work is not None
                    answer = work.slice()
                case _:
                    work = None
                    gc.unfreeze()
                    gc.collect()
                    answer = {}
        except Exception as error:  # noqa: BLE001  (a failure is an answer)
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
