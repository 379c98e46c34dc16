"""Trains any model on any data set of its task, by a recipe.

The same seed on the same machine gives the same weights, to the bit on a CPU. The order of samples
and what augmentation does to each depend on the seed, the epoch and the sample's index alone: never
on the number of workers, nor on where a training was interrupted.
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
    """Where a training stands."""

    step: int
    """Steps done."""
    steps: int
    """Of the whole training."""
    epoch: int
    """The one that is under way, from 1."""
    epochs: int
    loss: float | None
    """The sum of all terms, smoothed over some twenty steps; None before the first."""
    images_per_s: float | None
    """Since the first step of this process, which pays for warming up; None until the second is done."""
    eta_s: float | None
    """Seconds until the last step is done, at that pace."""

    @property
    def share(self) -> float:
        """How much of the training is done, 0 to 1."""
        return self.step / self.steps


class Pace:
    """Counts images against the clock, and says when it is time for news."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start: float | None = None
        self._images = self._steps = 0
        self._told: float | None = None

    def took(self, images: int) -> None:
        """A step over so many images is done; the first one only starts the clock."""
        if self._start is None:
            self._start = self._clock()
        else:
            self._images += images
            self._steps += 1

    @property
    def images_per_s(self) -> float | None:
        """None until a second step is done."""
        elapsed = 0.0 if self._start is None else self._clock() - self._start
        return self._images / elapsed if self._images and elapsed > 0 else None

    def seconds_for(self, steps: int) -> float | None:
        """How long so many steps will take; None until a second step is done."""
        if self._start is None or self._steps == 0:
            return None
        return (self._clock() - self._start) / self._steps * steps

    def is_time(self) -> bool:
        """Whether the last news are old enough; asking makes them new."""
        now = self._clock()
        if self._told is not None and now - self._told < _PERIOD_S:
            return False
        self._told = now
        return True


_PATIENCE = 20
"""A state that takes long to write is written less often: writing takes a twentieth of the time, as long
as no more than twenty times the work that was asked for can be lost."""

_FORM = 1
"""Of the file. A state in another form belongs to another program: it is not gone on from."""


class State:
    """Keeps one file up to date with a trainer; without a path it keeps nothing."""

    def __init__(self, path: Path | None, training: str, trainer: Trainer, *, every_s: float) -> None:
        self.skipped: list[str] = []
        """Samples that were left out so far."""
        self._path = path
        self._training = training
        self._trainer = trainer
        self._every_s = every_s
        self._due = time.monotonic() + every_s

    def load(self) -> int:
        """The number of steps done: those of the file, whose state is taken over, or none.

        Raises InputError for a file that cannot be read or that belongs to another training.
        """
        if self._path is None or not self._path.exists():
            return 0
        tensors, notes = read_tensors(self._path)
        if (notes.get("form"), notes.get("training")) != (_FORM, self._training):
            raise InputError(
                f"{self._path}: this is the state of another training.\n  Delete it to start anew."
            )
        self._trainer.restore(tensors, notes, path=self._path)
        self.skipped = notes["skipped"]
        steps: int = notes["steps"]
        return steps

    def save_in_time(self, steps: int) -> None:
        """Write the state after so many steps, if the last one written is old enough.

        Raises Diverged instead of keeping a state whose loss is no number.
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
"""How often the state of a training is written, and so how much work an interruption costs."""


def ignore(_: Any) -> None:
    """Hear nothing of it."""


def train(  # noqa: PLR0913 - what is trained, how, and where it is told: none follows from another
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
    """Train `model` in place and give its loss curve; it is left on `device`, in evaluation mode.

    With `checkpoint`, the state of the training is written there every `save_every_s`, and a
    training that finds its state there goes on from it as if it had never stopped. The file stays:
    whoever has brought the weights into safety removes it.

    With `on_skip`, samples that cannot be decoded are told there, once each, and left out of their
    batches; without it the first one ends the training with its DataError.

    Masks of Detections are moved along for a model that says `needs_masks = True`; others get none.

    Torch's global random numbers are seeded for the training and put back after it.

    Raises Diverged, naming the step, where the loss or a weight is no number any more; DataError for
    a data set with nothing to train on; InputError for a checkpoint of another training, and for input
    sizes that the model does not take.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"{type(model).__name__} is no torch.nn.Module")
    dataset = drawn(dataset, recipe.limit, seed=seed)
    order = Order(len(dataset), recipe.batch, recipe.epochs, seed)
    if order.samples == 0:
        raise DataError(f"{_name(dataset)}: there is nothing to train on")
    feed = BatchReader(
        dataset,
        model.preprocessing.of_one_size(),
        recipe.augment,
        seed,
        skip=on_skip is not None,
        needs_masks=getattr(model, "needs_masks", False),
        sides=_sides(model, recipe),
    )
    tell_skip = on_skip or ignore
    with torch.random.fork_rng([device] if device.type == "cuda" else []), arithmetic(recipe.precision):
        torch.manual_seed(seed_of("training", seed))
        trainer = Trainer(model, recipe, order, device)
        state = State(checkpoint, _fingerprint(dataset, recipe, order, device), trainer, every_s=save_every_s)
        first = state.load()
        for text in state.skipped:
            tell_skip(text)
        pace = Pace()
        jobs = order.jobs(first)
        with closing(stream(feed, jobs, workers=recipe.workers, pin=device.type == "cuda")) as loader:
            for done, batch in enumerate(loader, first + 1):
                _tell_once(batch.skipped, state.skipped, tell_skip)
                if len(batch) >= min(2, recipe.batch, order.samples):
                    trainer.step(done - 1, batch)
                pace.took(len(batch))
                state.save_in_time(done)
                if pace.is_time() or done == order.steps:
                    on_progress(_progress(order, done, trainer, pace))
        trainer.finish()
    if trainer.losses.smoothed is None:
        few = f"too few of its {order.samples} samples could be decoded to train on"
        raise DataError(f"{_name(dataset)}: {few}; the first said\n  {state.skipped[0]}")
    return trainer.losses.curve()


def _tell_once(texts: Sequence[str], told: list[str], tell: Callable[[str], None]) -> None:
    """Tell what has not been told yet, and remember it."""
    for text in texts:
        if text not in told:
            told.append(text)
            tell(text)


def _sides(model: nn.Module, recipe: TrainRecipe) -> tuple[int, ...]:
    """The input sides that the recipe asks for and the model takes."""
    if recipe.sizes is None:
        return ()
    multiple: int | None = getattr(model, "input_multiple", None)
    least, most = recipe.sizes
    if multiple is None:
        raise InputError(
            f"train.sizes: {type(model).__name__} takes inputs of one size.\n"
            "  Leave sizes out, or train YOLOv2 or YOLOv3."
        )
    sides = tuple(side for side in range(least, most + 1) if side % multiple == 0)
    if not sides:
        raise InputError(f"train.sizes: there is no multiple of {multiple} from {least} to {most}.")
    return sides


def _fingerprint(dataset: Dataset, recipe: TrainRecipe, order: Order, device: torch.device) -> str:
    """What makes a state this training's; the network answers for itself by its shapes."""
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
