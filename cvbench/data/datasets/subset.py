"""Sample images of a dataset evenly over its order, with a seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int64

from cvbench.interfaces import Dataset
from cvbench.record import Passport
from cvbench.spec.cell import TaskName
from cvbench.values import Sample


def drawn(dataset: Dataset, count: int | None, *, seed: int = 0) -> Dataset:
    """`count` images, sampled evenly over the order; the whole dataset if None, or if it has no more."""
    if count is not None and count < 1:
        raise ValueError(f"cannot take {count} images; at least 1 is needed")
    if count is None or count >= len(dataset):
        return dataset
    return Drawn(dataset, np.sort(drawing_order(len(dataset), seed)[:count]), seed)


def drawing_order(images: int, seed: int) -> Int64[np.ndarray, " images"]:
    """All indices in sampling order.

    Any number of them from the front is spread evenly over the dataset, so a dataset sorted by class gives
    each class its share, and a smaller sample is part of a larger one.

    Source: van der Corput's sequence with the scrambling of Owen, Randomly permuted (t,m,s)-nets and
    (t,s)-sequences, 1995.
    """
    bits = max(images - 1, 1).bit_length()
    counted = np.arange(1 << bits)
    scrambled, before = np.zeros_like(counted), np.zeros_like(counted)
    source = np.random.PCG64(seed)  # its raw output is equal in all versions of NumPy
    for bit in range(bits):
        own = (counted >> bit) & 1  # bits in reverse order: van der Corput
        turned = (source.random_raw(1 << bit) >> np.uint64(63)).astype(np.int64)
        scrambled = (scrambled << 1) | (own ^ turned[before])
        before = (before << 1) | own
    return scrambled[scrambled < images]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A sample of a dataset, in its order. The hash covers the whole dataset and the indices."""

    dataset: Dataset
    positions: Int64[np.ndarray, " n"] = field(repr=False)
    """Indices, ascending."""
    seed: int

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the whole dataset."""
        return self.dataset.classes

    @property
    def task(self) -> TaskName:
        """The task of the whole dataset."""
        return self.dataset.task

    @property
    def passport(self) -> Passport:
        """The whole dataset's fingerprint, for these images; the number of objects is unknown."""
        whole, count = self.dataset.passport, len(self)
        where = hashlib.sha256(self.positions.astype("<i8").tobytes()).hexdigest()
        changes = {
            "images": count,
            "objects": None,
            "sha256": hashlib.sha256(f"{where} of {whole.sha256}".encode()).hexdigest(),
            "drawn": f"{count} of {len(self.dataset)} images, evenly over their order, seed {self.seed}",
        }
        return whole.model_copy(update=changes)

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> Sample:
        return self.dataset[int(self.positions[index])]
