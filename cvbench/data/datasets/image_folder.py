"""Images with one class each: what `imagenet` and `folder` open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Int64

from cvbench.data.datasets.cache import Texts
from cvbench.data.datasets.image_files import Pictures
from cvbench.data.images.decoding import decode_image
from cvbench.record import Passport
from cvbench.values import ClassScores, Sample


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """One split; an image is read and decoded when it is looked at."""

    pictures: Pictures = field(repr=False)
    labels: Int64[np.ndarray, " n"] = field(repr=False)
    ids: Texts = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)
    passport: Passport
    task: Literal["classification"] = "classification"

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        image = decode_image(self.pictures.read(index), self.pictures.name(index))
        return Sample(image, ClassScores.of(int(self.labels[index]), len(self.classes)), self.ids[index])
