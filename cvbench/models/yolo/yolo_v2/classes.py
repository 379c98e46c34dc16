"""The class outputs of a predictor: their loss and their scores."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor


@runtime_checkable
class ClassOutputs(Protocol):
    """Converts the class logits of a predictor to the classes of a dataset."""

    @property
    def outputs(self) -> int:
        """Logits per predictor."""
        ...

    @property
    def classes(self) -> int:
        """Number of classes of the dataset."""
        ...

    def loss(self, logits: Float[Tensor, "p outputs"], label: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """The loss of each row against its label."""
        ...

    def probability(self, logits: Float[Tensor, "p outputs"], label: Int64[Tensor, " p"]) -> Tensor:
        """The probability of each row's label."""
        ...

    def scores(self, logits: Float[Tensor, "b n outputs"]) -> Float[Tensor, "b n classes"]:
        """The score of each class, before it is multiplied by the objectness."""
        ...


class Softmax:
    """Exclusive classes: one logit per class."""

    def __init__(self, classes: int) -> None:
        self.outputs = classes
        self.classes = classes

    def loss(self, logits: Float[Tensor, "p outputs"], label: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """Cross entropy."""
        return F.cross_entropy(logits, label, reduction="none")

    def probability(self, logits: Float[Tensor, "p outputs"], label: Int64[Tensor, " p"]) -> Tensor:
        """The softmax at the label."""
        return logits.softmax(dim=-1).gather(1, label[:, None])[:, 0]

    def scores(self, logits: Float[Tensor, "b n outputs"]) -> Float[Tensor, "b n classes"]:
        """The softmax."""
        return logits.softmax(dim=-1)
