"""Images with boxes and images with a class alone, as one data set to train on: YOLO9000's joint training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import torch

from cvbench.errors import DataError
from cvbench.interfaces import Dataset
from cvbench.record import Passport
from cvbench.values import ClassScores, Sample


def joint(boxed: Dataset, named: Dataset) -> Joint:
    """Both, mixed evenly; a class of `named` is the one of `boxed` that has its name.

    Raises DataError for a class that `boxed` does not have.
    """
    labels = {name: label for label, name in enumerate(boxed.classes)}
    for name in named.classes:
        if name not in labels:
            raise DataError(
                f"{named.passport.name}: its class {name!r} is none of {boxed.passport.name}'s.\n"
                "  Images with a class alone are learnt from where their classes are those of the boxes."
            )
    return Joint(boxed, named, tuple(labels[name] for name in named.classes))


@dataclass(frozen=True, eq=False)
class Joint:
    """Samples of two data sets in turn, in proportion to how many each has, from whichever place on."""

    boxed: Dataset
    named: Dataset
    labels: tuple[int, ...]
    """The label that each class of `named` has among those of `boxed`."""
    task: Literal["detection"] = "detection"

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the images with boxes."""
        return self.boxed.classes

    @property
    def passport(self) -> Passport:
        """That of the images with boxes, with both sets' images and a hash made of both hashes."""
        boxed, named = self.boxed.passport, self.named.passport
        changes = {
            "name": f"{boxed.name} + {named.name}",
            "images": len(self),
            "objects": None,
            "sha256": hashlib.sha256(f"{boxed.sha256} {named.sha256}".encode()).hexdigest(),
        }
        return boxed.model_copy(update=changes)

    def __len__(self) -> int:
        return len(self.boxed) + len(self.named)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        # As many of the first `index` samples are named as keep the proportion.
        before, behind = (i * len(self.named) // len(self) for i in (index, index + 1))
        if before == behind:
            return self.boxed[index - before]
        sample = self.named[before]
        truth = sample.truth
        if not isinstance(truth, ClassScores):
            raise DataError(f"{self.named.passport.name}: its images have no class of their own")
        scores = torch.zeros(len(self.classes)).index_add(0, torch.tensor(self.labels), truth.scores)
        return replace(sample, truth=ClassScores(scores))
