"""The losses of a training: checked for NaN and infinity, and recorded as a curve."""

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
"""Maximum points of a loss curve, whatever the length of the training."""

_WAITING = 32
"""Steps between checks of the loss on a GPU: each check synchronizes with the GPU."""

_SMOOTHING = 0.95
"""Decay of the moving average of the loss that is shown during training."""


class _Entry(NamedTuple):
    step: int
    lr: float
    values: Tensor  # one per term, on the device that computed them


class Losses:
    """Collects the loss terms of every step, and checks them in batches to avoid GPU synchronization."""

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
        """Add the terms of step number `step`, counted from 0.

        Raises Diverged, possibly some steps later, for a term that is not finite, and ValueError if
        the names of the terms change.
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
        """Check all pending losses; raises Diverged for the first that is not finite."""
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
        """Exponential moving average of the loss; None before the first step."""
        return self._smooth / self._weight if self._weight else None

    def curve(self) -> Curve:
        """The loss curve: one point per interval, at its last step, averaged over it; steps count from 1."""
        return Curve(
            step=tuple(self._step),
            epoch=tuple(step / self._order.steps_per_epoch for step in self._step),
            lr=tuple(self._lr),
            terms={name: tuple(values) for name, values in self._terms.items()},
        )

    def state(self) -> dict[str, Any]:
        """State to resume from, as plain values; call `look` first."""
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
        """Resume from a state."""
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
            f"the loss became NaN or infinite at step {step + 1} of {self._order.steps} "
            f"(epoch {epoch + 1} of {self._order.epochs}): {terms}.\n  {remedy(self._recipe)}"
        )


def remedy(recipe: TrainRecipe) -> str:
    """What to try after a training diverged."""
    half = "train in bf16 or fp32 instead of fp16, or " if recipe.precision == "fp16" else ""
    clip = "" if recipe.clip else ", or set train.clip, such as 1.0"
    text = (
        f"{half}lower train.lr (it is {recipe.lr:g}), lengthen train.warmup (it is {recipe.warmup:g}){clip}."
    )
    return text[0].upper() + text[1:]


def check_terms(terms: object) -> None:
    """Raise InputError unless `terms`, from a model's `loss`, maps names to scalar tensors."""
    expected = "expected a dict of scalar tensors by name, such as {'class': loss}"
    if not isinstance(terms, Mapping) or not terms:
        raise InputError(f"loss returned {_described(terms)}; {expected}.")
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.ndim > 0:
            raise InputError(f"loss returned {_described(term)} under {name!r}; {expected}.")


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a Tensor of {list(value.shape)}"
    return "None" if value is None else f"{'an empty' if value == {} else 'a'} {type(value).__name__}"
