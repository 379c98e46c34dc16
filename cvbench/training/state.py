"""The state of a training in the middle: on disk from time to time, so that it can be gone on from."""

from __future__ import annotations

import time
from pathlib import Path

from cvbench.errors import InputError
from cvbench.models.weights.tensors import read_tensors, write_tensors
from cvbench.training.step import Trainer

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
