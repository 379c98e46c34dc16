"""The losses of a training: watched for the first that is no number, and kept as a curve."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cvbench.errors import Diverged, InputError
from cvbench.record import Curve
from cvbench.spec.cell import TrainRecipe
from cvbench.training.batches import Order

POINTS = 200
"""A curve has at most so many points, however long the training was."""

_WAITING = 32
"""Steps whose losses stay on a GPU before they are looked at: each look waits for the GPU."""

_SMOOTHING = 0.95
"""The weight of the past in the loss that is shown while training."""


class _Entry(NamedTuple):
    step: int
    lr: float
    values: Tensor  # one for each term, wherever they were computed


class Losses:
    """Takes in the terms of every step, and looks at them as seldom as it costs to."""

    def __init__(self, recipe: TrainRecipe, order: Order, device: torch.device) -> None:
        self._recipe = recipe
        self._order = order
        self._patience = 1 if device.type == "cpu" else _WAITING
        self._interval = math.ceil(order.steps / POINTS)
        self._waiting: list[_Entry] = []
        self._names: tuple[str, ...] = ()
        self._sums: list[float] = []
        self._summed = 0
        self._step: list[int] = []
        self._lr: list[float] = []
        self._terms: dict[str, list[float]] = {}
        self._smooth = self._weight = 0.0

    def add(self, step: int, lr: float, terms: Mapping[str, Tensor]) -> None:
        """Take in the terms of step number `step`, the first being 0.

        Raises Diverged, perhaps some steps later, for a term that is not finite, and ValueError for
        terms of other names than those of the first step.
        """
        if not self._names:
            self._names = tuple(terms)
            self._sums = [0.0] * len(terms)
            self._terms = {name: [] for name in terms}
        if tuple(terms) != self._names:
            raise ValueError(f"the loss had the terms {self._names} and now has {tuple(terms)}")
        values = torch.stack([term.detach().reshape(()).float() for term in terms.values()])
        self._waiting.append(_Entry(step, lr, values))
        if len(self._waiting) >= self._patience:
            self.look()

    def look(self) -> None:
        """Look at all that was taken in so far; raises Diverged for the first that is not finite."""
        if not self._waiting:
            return
        rows = torch.stack([entry.values for entry in self._waiting]).tolist()
        for entry, values in zip(self._waiting, rows, strict=True):
            if not all(map(math.isfinite, values)):
                raise self._diverged(entry.step, values)
            self._take(entry, values)
        self._waiting.clear()

    @property
    def smoothed(self) -> float | None:
        """The loss, with older steps counting ever less; None before the first."""
        return self._smooth / self._weight if self._weight else None

    def curve(self) -> Curve:
        """One point for each stretch of steps, at its last step; steps count from 1."""
        return Curve(
            step=tuple(self._step),
            epoch=tuple(step / self._order.steps_per_epoch for step in self._step),
            lr=tuple(self._lr),
            terms={name: tuple(values) for name, values in self._terms.items()},
        )

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, as plain values; nothing may be waiting to be looked at."""
        assert not self._waiting
        return {
            "names": self._names,
            "sums": self._sums,
            "summed": self._summed,
            "step": self._step,
            "lr": self._lr,
            "terms": self._terms,
            "smooth": self._smooth,
            "weight": self._weight,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._names = tuple(state["names"])
        self._sums = list(state["sums"])
        self._summed = state["summed"]
        self._step = list(state["step"])
        self._lr = list(state["lr"])
        self._terms = {name: list(values) for name, values in state["terms"].items()}
        self._smooth, self._weight = state["smooth"], state["weight"]

    def _take(self, entry: _Entry, values: list[float]) -> None:
        self._smooth = _SMOOTHING * self._smooth + (1 - _SMOOTHING) * sum(values)
        self._weight = _SMOOTHING * self._weight + (1 - _SMOOTHING)
        self._sums = [total + value for total, value in zip(self._sums, values, strict=True)]
        self._summed += 1
        done = entry.step + 1
        if done % self._interval and done != self._order.steps:
            return
        self._step.append(done)
        self._lr.append(entry.lr)
        for name, total in zip(self._names, self._sums, strict=True):
            self._terms[name].append(total / self._summed)
        self._sums, self._summed = [0.0] * len(self._sums), 0

    def _diverged(self, step: int, values: list[float]) -> Diverged:
        terms = ", ".join(f"{name}={value:.4g}" for name, value in zip(self._names, values, strict=True))
        epoch = step // self._order.steps_per_epoch
        return Diverged(
            f"the loss is no number any more at step {step + 1} of {self._order.steps} "
            f"(epoch {epoch + 1} of {self._order.epochs}): {terms}.\n  {remedy(self._recipe)}"
        )


def remedy(recipe: TrainRecipe) -> str:
    """What to try against a training that diverged."""
    half = "train in bf16 or fp32 instead of fp16, or " if recipe.precision == "fp16" else ""
    clip = "" if recipe.clip else ", or set train.clip, such as 1.0"
    text = (
        f"{half}lower train.lr (it is {recipe.lr:g}), lengthen train.warmup (it is {recipe.warmup:g}){clip}."
    )
    return text[0].upper() + text[1:]


def check_terms(terms: object) -> None:
    """Raise InputError unless `terms` are what a model's `loss` returns: named scalar tensors."""
    expected = "a model returns its terms by name, each a scalar tensor, such as {'class': loss}"
    if not isinstance(terms, Mapping) or not terms:
        raise InputError(f"loss returned {_told(terms)}; {expected}.")
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.ndim > 0:
            raise InputError(f"loss returned {_told(term)} under {name!r}; {expected}.")


def _told(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a Tensor of {list(value.shape)}"
    return "None" if value is None else f"{'an empty' if value == {} else 'a'} {type(value).__name__}"
