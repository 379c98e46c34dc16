"""A training dataset of images with boxes and images with only a class: YOLO9000's joint training."""

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
    """Interleave both datasets evenly; classes of `named` are matched with classes of `boxed` by name.

    Raises DataError for a class that `boxed` does not have.
    """
    labels = {name: label for label, name in enumerate(boxed.classes)}
    for name in named.classes:
        if name not in labels:
            raise DataError(
                f"{named.passport.name}: the class {name!r} is not a class of {boxed.passport.name}.\n"
                "  `also` needs a classification dataset whose classes are all among the detection classes."
            )
    return Joint(boxed, named, tuple(labels[name] for name in named.classes))


@dataclass(frozen=True, eq=False)
class Joint:
    """Two interleaved datasets, in proportion to their sizes in every part of the order."""

    boxed: Dataset
    named: Dataset
    labels: tuple[int, ...]
    """The label in `boxed` of each class of `named`."""
    task: Literal["detection"] = "detection"

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the images with boxes."""
        return self.boxed.classes

    @property
    def passport(self) -> Passport:
        """The fingerprint of the images with boxes, with both image counts and a hash of both hashes."""
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
        # The first `index` samples keep the proportion.
        before, behind = (i * len(self.named) // len(self) for i in (index, index + 1))
        if before == behind:
            return self.boxed[index - before]
        sample = self.named[before]
        truth = sample.truth
        if not isinstance(truth, ClassScores):
            raise DataError(f"{self.named.passport.name}: not a classification dataset")
        scores = torch.zeros(len(self.classes)).index_add(0, torch.tensor(self.labels), truth.scores)
        return replace(sample, truth=ClassScores(scores))
