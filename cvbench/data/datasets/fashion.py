"""Fashion-MNIST: photographs of garments, 28 x 28 pixels in grey, in ten classes.

Xiao, Rasul, Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms, 2017, https://arxiv.org/abs/1708.07747. MIT licence, copyright Zalando SE; the notice
lies beside the embedded images, in `files/NOTICE`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch

from cvbench.data.datasets.garments import CLASSES, Garments, read_garments
from cvbench.record import Passport
from cvbench.spec.cell import TaskName
from cvbench.values import ClassScores, Sample


def fashion(*, task: TaskName, split: str, root: str | None = None) -> Fashion:
    """The split `train` or `test` of the embedded images, or of the official files under `root`."""
    if task != "classification":
        raise ValueError(f"fashion is a classification set; it has no truth for {task}")
    garments = read_garments(split, root)
    passport = Passport(
        name="fashion",
        split=split,
        images=len(garments.labels),
        classes=len(CLASSES),
        sha256=garments.sha256(),
    )
    return Fashion(garments, passport)


@dataclass(frozen=True, eq=False)
class Fashion:
    """One split, in memory. An id is the split and the row in the official file: `train/00012`."""

    garments: Garments = field(repr=False)
    passport: Passport
    classes: tuple[str, ...] = CLASSES
    task: Literal["classification"] = "classification"

    def __len__(self) -> int:
        return len(self.garments.labels)

    def __getitem__(self, index: int) -> Sample:
        images, labels, rows = self.garments
        return Sample(
            image=torch.from_numpy(np.repeat(images[index][None], 3, 0)),
            truth=ClassScores.of(int(labels[index]), len(CLASSES)),
            id=f"{self.passport.split}/{rows[index]:05d}",
        )
