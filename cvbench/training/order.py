"""Which samples make which step: decided by the seed alone, and known for any step at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch

from cvbench.data.images.augmentation import seeded_generator


class Job(NamedTuple):
    """The samples of one step."""

    epoch: int
    indices: tuple[int, ...]
    step: int = 0
    """Its number in the whole training."""


@dataclass(frozen=True)
class Order:
    """Every sample once an epoch, newly shuffled each time.

    The last batch of an epoch may be smaller. A last batch of one sample is left out, as batch
    normalisation cannot train on it; the next epoch leaves out another sample.
    """

    samples: int
    batch: int
    epochs: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """At least 1 where there is any sample."""
        full, rest = divmod(self.samples, self.batch)
        return full + (rest > 1 or (rest == 1 and full == 0))

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.epochs * self.steps_per_epoch

    def jobs(self, start: int = 0) -> Iterator[Job]:
        """The steps from number `start` on, the first being 0."""
        first_epoch, done = divmod(start, self.steps_per_epoch)
        for epoch in range(first_epoch, self.epochs):
            order = torch.randperm(
                self.samples, generator=seeded_generator("order", self.seed, epoch)
            ).tolist()
            for step in range(done, self.steps_per_epoch):
                indices = tuple(order[step * self.batch : (step + 1) * self.batch])
                yield Job(epoch, indices, epoch * self.steps_per_epoch + step)
            done = 0
