"""Times training steps as the engine takes them, and restores the model afterwards.

Batches hold the dataset's images and truths, without augmentation, prepared in advance and on the device. A
small learning rate keeps training stable while the same batches repeat; a step costs the same at any rate.
It must be real training: losses are finite, gradients are not zero and weights change, or nothing is
reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from cvbench.errors import CellError
from cvbench.interfaces import Dataset, Model, module_of
from cvbench.record import Measurement
from cvbench.runner.inference import POOL
from cvbench.spec.cell import Augment, TrainRecipe, TrainStepPlan
from cvbench.timing.instruments import Instruments
from cvbench.timing.memory import peak_memory, reset_peak
from cvbench.timing.series import Series
from cvbench.timing.throughput import measure_throughput
from cvbench.timing.training import PREFIX, Parts, measure_step_parts
from cvbench.training.batches import BatchReader, Order, StepSamples, TrainingBatch
from cvbench.training.step import Trainer, arithmetic

_RATE: Final = 1e-4
_ENDLESS: Final = 1 << 40
"""Epochs of the training that is begun here and never ended."""
_BEFORE_PEAK: Final = 3
"""Steps after which all that a training keeps has been allocated."""


def time_training_step(
    model: Model,
    data: Dataset,
    plan: TrainStepPlan,
    recipe: TrainRecipe,
    *,
    device: torch.device,
    memory_format: torch.memory_format,
    instruments: Instruments,
) -> tuple[list[Series], list[Measurement]]:
    """Images per second, the seconds of a step's parts, and the memory peak from the third step on.

    Raises CellError where the steps train nothing, and Diverged where a loss is NaN or infinite.
    """
    batches = _pool(model, data, plan.batch, device)
    recipe = recipe.model_copy(update={"batch": plan.batch, "schedule": "constant", "warmup": 0.0})
    recipe = recipe.model_copy(update={"lr": min(recipe.lr, _RATE)})
    at = f"batch={plan.batch}"
    with _borrowed(model, memory_format), arithmetic(recipe.precision):
        order = Order(plan.batch, plan.batch, _ENDLESS, seed=0)
        step = _Step(Trainer(module_of(model), recipe, order, device), batches)
        for number in range(_BEFORE_PEAK):
            step(number)
        step.make_sure()
        was_reset = reset_peak(device)
        rates = measure_throughput(step, plan, batch=plan.batch, instruments=instruments)
        peaks = peak_memory(device, at=at, was_reset=was_reset)
        parts = measure_step_parts(
            step.parts(), at=at, seconds=plan.window * plan.windows / 2, instruments=instruments
        )
        step.trainer.losses.look()
    peaks = [one.model_copy(update={"name": f"{PREFIX}{one.name}"}) for one in peaks]
    return [replace(rates, name=f"{PREFIX}throughput"), *parts], peaks


class _Step:
    """One step on the next of the batches."""

    def __init__(self, trainer: Trainer, batches: Sequence[TrainingBatch]) -> None:
        self.trainer, self._batches = trainer, batches
        self._before = {name: value.detach().clone() for name, value in trainer.net.named_parameters()}
        self._terms: Mapping[str, Tensor] = {}
        self._taken = 0

    def __call__(self, number: int) -> None:
        """As the engine does it."""
        self.trainer.step(self._taken, self._batches[number % len(self._batches)])
        self._taken += 1

    def parts(self) -> Parts:
        """The same step in its parts."""

        def forward(number: int) -> None:
            self._terms = self.trainer.forward(self._batches[number % len(self._batches)])

        return {
            "forward": forward,
            "backward": lambda _: self.trainer.backward(self._terms),
            "update": lambda _: self.trainer.update(),
        }

    def make_sure(self) -> None:
        """That a gradient reached a weight and a weight has moved."""
        named = dict(self.trainer.net.named_parameters())
        if not any(value.grad is not None and bool(value.grad.any()) for value in named.values()):
            raise CellError("time.train_step: every gradient is zero after three steps: nothing is trained.")
        if all(torch.equal(self._before[name], value) for name, value in named.items()):
            raise CellError("time.train_step: no weight has moved in three steps: nothing is trained.")
        self._before.clear()


def _pool(model: Model, data: Dataset, batch: int, device: torch.device) -> list[TrainingBatch]:
    """Batches of the data set's samples in order, the first ones again where it is small."""
    feed = BatchReader(
        data,
        model.preprocessing.of_one_size(),
        Augment(mirror=False),
        seed=0,
        needs_masks=getattr(model, "needs_masks", False),
    )
    positions = [number % len(data) for number in range(POOL * batch)]
    found = []
    for number in range(POOL):
        prepared = feed(StepSamples(0, tuple(positions[number * batch : (number + 1) * batch])))
        assert prepared.truths is not None
        found.append(replace(prepared, images=prepared.images.to(device), truths=prepared.truths.to(device)))
    return found


@contextmanager
def _borrowed(model: Model, memory_format: torch.memory_format) -> Iterator[None]:
    """Weights, buffers, mode and layout are put back at the end, and nothing is left of the gradients."""
    net = module_of(model)
    kept = {name: value.detach().to("cpu", copy=True) for name, value in net.state_dict().items()}
    try:
        yield
    finally:
        for parameter in net.parameters():
            parameter.grad = None
        net.to(memory_format=memory_format).eval()
        with torch.no_grad():
            for name, value in net.state_dict().items():
                value.copy_(kept[name])
