"""From samples to training batches: read, fitted and augmented, in a worker process or here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import UInt8
from torch import Tensor

from cvbench.data.images.augmentation import augment, seeded_generator
from cvbench.data.images.collate import CollatedTruths, MixedTruths, collate
from cvbench.errors import DataError, writable
from cvbench.interfaces import Dataset
from cvbench.spec.cell import Augment
from cvbench.values import Detections, Preprocessing


class StepSamples(NamedTuple):
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

    def jobs(self, start: int = 0) -> Iterator[StepSamples]:
        """The steps from number `start` on, the first being 0."""
        first_epoch, done = divmod(start, self.steps_per_epoch)
        for epoch in range(first_epoch, self.epochs):
            order = torch.randperm(
                self.samples, generator=seeded_generator("order", self.seed, epoch)
            ).tolist()
            for step in range(done, self.steps_per_epoch):
                indices = tuple(order[step * self.batch : (step + 1) * self.batch])
                yield StepSamples(epoch, indices, epoch * self.steps_per_epoch + step)
            done = 0


STEPS_OF_A_SIZE = 10
"""How long a multi-scale training stays with one size, as YOLO9000's authors (section 2) train."""


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """One step's images and truths, both in pixels of the prepared input."""

    images: UInt8[Tensor, "b 3 h w"]
    truths: CollatedTruths | MixedTruths | None
    """None where there is no image."""
    skipped: tuple[str, ...]
    """Samples that could not be decoded: the position in the data set, and what was said of it."""

    def __len__(self) -> int:
        return len(self.images)

    def pin_memory(self) -> TrainingBatch:
        """The same in page-locked memory."""
        truths = None if self.truths is None else self.truths.pin_memory()
        return replace(self, images=self.images.pin_memory(), truths=truths)


@dataclass(frozen=True)
class BatchReader:
    """Does the loading of a Job; what comes out depends on the seed and the job alone."""

    dataset: Dataset
    preprocessing: Preprocessing
    recipe: Augment
    seed: int
    skip: bool = False
    """Leave samples that raise DataError out of their batch, instead of ending the training."""
    needs_masks: bool = False
    """Whether the loss looks at the masks of Detections; nobody moves them otherwise."""
    sides: tuple[int, ...] = ()
    """The sides of square inputs, of which every ten steps another is drawn; none keeps the prepared size."""

    def __call__(self, job: StepSamples) -> TrainingBatch:
        """The job's samples that can be decoded, in order."""
        images, truths, skipped = [], [], []
        preprocessing = self._sized(job.step)
        for index in job.indices:
            try:
                sample = self.dataset[index]
            except DataError as error:
                if not self.skip:
                    raise
                skipped.append(writable(f"{index}: {error}"))
                continue
            truth = sample.truth
            if isinstance(truth, Detections) and not self.needs_masks:
                truth = replace(truth, masks=None)
            draws = seeded_generator("augmentation", self.seed, job.epoch, index)
            image, truth = augment(sample.image, truth, self.recipe, preprocessing, draws)
            images.append(image)
            truths.append(truth)
        if not images:
            nothing = torch.zeros(0, 3, *preprocessing.size, dtype=torch.uint8)
            return TrainingBatch(nothing, None, tuple(skipped))
        return TrainingBatch(torch.stack(images), collate(truths), tuple(skipped))

    def _sized(self, step: int) -> Preprocessing:
        """How the images of a step are prepared."""
        if not self.sides:
            return self.preprocessing
        draws = seeded_generator("size", self.seed, step // STEPS_OF_A_SIZE)
        side = self.sides[int(torch.randint(len(self.sides), (1,), generator=draws))]
        return replace(self.preprocessing, size=(side, side))
