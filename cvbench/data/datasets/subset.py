"""The first so many images of a data set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cvbench.interfaces import Dataset
from cvbench.record import Passport
from cvbench.spec.cell import TaskName
from cvbench.values import Sample


def first(dataset: Dataset, count: int) -> Dataset:
    """The first `count` images; the data set itself where it holds no more."""
    if count < 1:
        raise ValueError(f"{count} images are none")
    return dataset if count >= len(dataset) else First(dataset, count)


@dataclass(frozen=True, eq=False)
class First:
    """A data set cut short. Its passport's hash is made of the whole one's and the count."""

    dataset: Dataset
    count: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the whole data set."""
        return self.dataset.classes

    @property
    def task(self) -> TaskName:
        """That of the whole data set."""
        return self.dataset.task

    @property
    def passport(self) -> Passport:
        """The whole data set's, for so many images; how many objects they hold is not known."""
        whole = self.dataset.passport
        cut = hashlib.sha256(f"first {self.count} of {whole.sha256}".encode()).hexdigest()
        return whole.model_copy(update={"images": self.count, "objects": None, "sha256": cut})

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        return self.dataset[range(self.count)[index]]
