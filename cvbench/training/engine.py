"""Trains any model on any dataset of its task, as a recipe says.

The same seed on the same machine gives the same weights, bit for bit on a CPU. Sample order and
augmentation depend only on the seed, the epoch and the sample's index, not on the number of
data-loader workers or on where a training was interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cvbench.data.datasets import drawn
from cvbench.data.images.augmentation import seed_of
from cvbench.data.images.workers import stream
from cvbench.errors import DataError, InputError
from cvbench.interfaces import Dataset, Model
from cvbench.models.weights.tensors import read_tensors, write_tensors
from cvbench.record import Curve
from cvbench.spec.canonical import digest
from cvbench.spec.cell import TrainRecipe
from cvbench.training.batches import BatchReader, Order
from cvbench.training.step import Trainer, arithmetic

_PERIOD_S = 0.1


@dataclass(frozen=True)
class TrainingProgress:
    """Progress of a training."""

    step: int
    """Steps completed."""
    steps: int
    """Steps in the whole training."""
    epoch: int
    """The current epoch, from 1."""
    epochs: int
    loss: float | None
    """Sum of all loss terms, smoothed over about 20 steps; None before the first step."""
    images_per_s: float | None
    """Since this process completed its first step, which is warm-up; None until its second step."""
    eta_s: float | None
    """Estimated seconds until the last step, at that speed; None until the second step."""

    @property
    def share(self) -> float:
        """Completed fraction of the training, 0 to 1."""
        return self.step / self.steps


class Pace:
    """Measures training speed, and says when to report progress."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start: float | None = None
        self._images = self._steps = 0
        self._reported: float | None = None

    def took(self, images: int) -> None:
        """Record a completed step of `images` images; the first step only starts the clock."""
        if self._start is None:
            self._start = self._clock()
        else:
            self._images += images
            self._steps += 1

    @property
    def images_per_s(self) -> float | None:
        """Images per second; None until the second step."""
        elapsed = 0.0 if self._start is None else self._clock() - self._start
        return self._images / elapsed if self._images and elapsed > 0 else None

    def seconds_for(self, steps: int) -> float | None:
        """Estimated seconds for `steps` more steps; None until the second step."""
        if self._start is None or self._steps == 0:
            return None
        return (self._clock() - self._start) / self._steps * steps

    def is_time(self) -> bool:
        """Whether to report progress now; True starts a new period."""
        now = self._clock()
        if self._reported is not None and now - self._reported < _PERIOD_S:
            return False
        self._reported = now
        return True


_PATIENCE = 20
"""Limits the cost of checkpoints: writing takes at most 1/20 of the time, unless the interval would exceed
20 times the requested one."""

_FORM = 1
"""Version of the checkpoint format; a checkpoint of another version is not resumed."""


class State:
    """Writes checkpoints of a trainer to one file; does nothing if the path is None."""

    def __init__(self, path: Path | None, training: str, trainer: Trainer, *, every_s: float) -> None:
        self.skipped: list[str] = []
        """Corrupt samples left out so far."""
        self._path = path
        self._training = training
        self._trainer = trainer
        self._every_s = every_s
        self._due = time.monotonic() + every_s

    def load(self) -> int:
        """Restore the checkpoint if there is one; returns the number of completed steps.

        Raises InputError for a file that cannot be read or that belongs to another training.
        """
        if self._path is None or not self._path.exists():
            return 0
        tensors, notes = read_tensors(self._path)
        if (notes.get("form"), notes.get("training")) != (_FORM, self._training):
            raise InputError(
                f"{self._path}: this is the state of another training.\n  Delete it to start again."
            )
        self._trainer.restore(tensors, notes, path=self._path)
        self.skipped = notes["skipped"]
        steps: int = notes["steps"]
        return steps

    def save_in_time(self, steps: int) -> None:
        """Write a checkpoint after `steps` steps, if the last one is old enough.

        Raises Diverged, and writes nothing, if a loss is NaN or infinite.
        """
        start = time.monotonic()
        if self._path is None or start < self._due:
            return
        self._trainer.losses.look()
        notes = {
            "form": _FORM,
            "training": self._training,
            "steps": steps,
            "skipped": self.skipped,
            **self._trainer.notes(),
        }
        write_tensors(self._path, self._trainer.tensors(), notes)
        pause = min(_PATIENCE * (time.monotonic() - start), _PATIENCE * self._every_s)
        self._due = start + max(self._every_s, pause)


SAVE_EVERY_S = 30.0
"""Default interval between checkpoints, in seconds: at most this much work is lost."""


def ignore(_: Any) -> None:
    """Do nothing: the default callback."""


def train(  # noqa: PLR0913 - the inputs of a training and its callbacks are independent
    model: Model,
    dataset: Dataset,
    recipe: TrainRecipe,
    *,
    seed: int,
    device: torch.device,
    checkpoint: Path | None = None,
    on_progress: Callable[[TrainingProgress], None] = ignore,
    on_skip: Callable[[str], None] | None = None,
    save_every_s: float = SAVE_EVERY_S,
) -> Curve:
    """Train `model` in place and return its loss curve; the model is left on `device`, in evaluation mode.

    With `checkpoint`, the state of the training is written there every `save_every_s` seconds, and a
    training resumes from an existing state with the same result. The caller removes the file once the
    weights are saved.

    With `on_skip`, corrupt samples are left out of their batches and reported once each; without it,
    the first one stops the training with its DataError.

    Masks of Detections are augmented only for a model with `needs_masks = True`; other models get none.

    Torch's global random number generators are seeded for the training and restored afterwards.

    Raises Diverged, with the step, if the loss or a weight becomes NaN or infinite; DataError
    for an empty dataset; InputError for a checkpoint of another training and for input sizes that
    the model does not support.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"{type(model).__name__} is not a torch.nn.Module")
    dataset = drawn(dataset, recipe.limit, seed=seed)
    order = Order(len(dataset), recipe.batch, recipe.epochs, seed)
    if order.samples == 0:
        raise DataError(f"{_name(dataset)}: the dataset is empty, so there is nothing to train on")
    feed = BatchReader(
        dataset,
        model.preprocessing.of_one_size(),
        recipe.augment,
        seed,
        skip=on_skip is not None,
        needs_masks=getattr(model, "needs_masks", False),
        sides=_sides(model, recipe),
    )
    report_skip = on_skip or ignore
    with torch.random.fork_rng([device] if device.type == "cuda" else []), arithmetic(recipe.precision):
        torch.manual_seed(seed_of("training", seed))
        trainer = Trainer(model, recipe, order, device)
        state = State(checkpoint, _fingerprint(dataset, recipe, order, device), trainer, every_s=save_every_s)
        first = state.load()
        for text in state.skipped:
            report_skip(text)
        pace = Pace()
        jobs = order.jobs(first)
        with closing(stream(feed, jobs, workers=recipe.workers, pin=device.type == "cuda")) as loader:
            for done, batch in enumerate(loader, first + 1):
                _report_new(batch.skipped, state.skipped, report_skip)
                if len(batch) >= min(2, recipe.batch, order.samples):
                    trainer.step(done - 1, batch)
                pace.took(len(batch))
                state.save_in_time(done)
                if pace.is_time() or done == order.steps:
                    on_progress(_progress(order, done, trainer, pace))
        trainer.finish()
    if trainer.losses.smoothed is None:
        few = f"too few of its {order.samples} samples could be decoded to train on"
        raise DataError(f"{_name(dataset)}: {few}; the first error:\n  {state.skipped[0]}")
    return trainer.losses.curve()


def _report_new(texts: Sequence[str], reported: list[str], report: Callable[[str], None]) -> None:
    """Report the texts that are new, and remember them."""
    for text in texts:
        if text not in reported:
            reported.append(text)
            report(text)


def _sides(model: nn.Module, recipe: TrainRecipe) -> tuple[int, ...]:
    """The multiples of the model's stride in the recipe's range of input sides."""
    if recipe.sizes is None:
        return ()
    multiple: int | None = getattr(model, "input_multiple", None)
    least, most = recipe.sizes
    if multiple is None:
        raise InputError(
            f"train.sizes: {type(model).__name__} supports only one input size.\n"
            "  Remove sizes, or train YOLOv2 or YOLOv3."
        )
    sides = tuple(side for side in range(least, most + 1) if side % multiple == 0)
    if not sides:
        raise InputError(f"train.sizes: there is no multiple of {multiple} from {least} to {most}.")
    return sides


def _fingerprint(dataset: Dataset, recipe: TrainRecipe, order: Order, device: torch.device) -> str:
    """Identifies the training that a checkpoint belongs to; the tensors' shapes identify the network."""
    return digest(
        {
            "recipe": recipe.identity,
            "data": dataset.passport.sha256,
            "samples": order.samples,
            "seed": order.seed,
            "device": device.type,
        }
    )


def _progress(order: Order, done: int, trainer: Trainer, pace: Pace) -> TrainingProgress:
    return TrainingProgress(
        step=done,
        steps=order.steps,
        epoch=(done - 1) // order.steps_per_epoch + 1,
        epochs=order.epochs,
        loss=trainer.losses.smoothed,
        images_per_s=pace.images_per_s,
        eta_s=pace.seconds_for(order.steps - done),
    )


def _name(dataset: Dataset) -> str:
    return f"{dataset.passport.name}: {dataset.passport.split}"
