"""Training batches: samples are read, resized and augmented, in a data-loader worker or in this process."""

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
    """The samples of one training step."""

    epoch: int
    indices: tuple[int, ...]
    step: int = 0
    """Number of the step in the whole training, from 0."""


@dataclass(frozen=True)
class Order:
    """The order of samples: each sample once per epoch, shuffled again for every epoch.

    The last batch of an epoch can be smaller. A last batch of one sample is dropped, because batch
    normalization cannot train on it; the next epoch drops a different sample.
    """

    samples: int
    batch: int
    epochs: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Steps in one epoch; at least 1 if there are any samples."""
        full, rest = divmod(self.samples, self.batch)
        return full + (rest > 1 or (rest == 1 and full == 0))

    @property
    def steps(self) -> int:
        """Steps in the whole training."""
        return self.epochs * self.steps_per_epoch

    def jobs(self, start: int = 0) -> Iterator[StepSamples]:
        """The steps from number `start` on; the first step is 0."""
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
"""Steps that multi-scale training spends at one size, as in YOLO9000 (section 2)."""


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """Images and ground truth of one step, both in pixels of the preprocessed input."""

    images: UInt8[Tensor, "b 3 h w"]
    truths: CollatedTruths | MixedTruths | None
    """None if the batch has no images."""
    skipped: tuple[str, ...]
    """Corrupt samples: position in the dataset, and the error."""

    def __len__(self) -> int:
        return len(self.images)

    def pin_memory(self) -> TrainingBatch:
        """The same batch in page-locked memory."""
        truths = None if self.truths is None else self.truths.pin_memory()
        return replace(self, images=self.images.pin_memory(), truths=truths)


@dataclass(frozen=True)
class BatchReader:
    """Loads the batch of a step; the result depends only on the seed and the step."""

    dataset: Dataset
    preprocessing: Preprocessing
    recipe: Augment
    seed: int
    skip: bool = False
    """Leave corrupt samples (DataError) out of the batch instead of stopping the training."""
    needs_masks: bool = False
    """Whether the loss uses the masks of Detections; otherwise masks are dropped before augmentation."""
    sides: tuple[int, ...] = ()
    """Sides of square inputs in pixels; a random one is used for ten steps. Empty: the size never changes."""

    def __call__(self, job: StepSamples) -> TrainingBatch:
        """The batch of the step, in order, without corrupt samples if `skip` is set."""
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
        """Preprocessing of the images of a step."""
        if not self.sides:
            return self.preprocessing
        draws = seeded_generator("size", self.seed, step // STEPS_OF_A_SIZE)
        side = self.sides[int(torch.randint(len(self.sides), (1,), generator=draws))]
        return replace(self.preprocessing, size=(side, side))
