"""What the class outputs of a predictor say, and what they learn."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor


@runtime_checkable
class ClassOutputs(Protocol):
    """How the logits of a predictor stand for the classes of a data set."""

    @property
    def outputs(self) -> int:
        """Logits a predictor."""
        ...

    @property
    def classes(self) -> int:
        """Classes of the data set."""
        ...

    def loss(self, logits: Float[Tensor, "p outputs"], label: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """What each row costs that should say `label`."""
        ...

    def probability(self, logits: Float[Tensor, "p outputs"], label: Int64[Tensor, " p"]) -> Tensor:
        """How probable each row holds its label."""
        ...

    def scores(self, logits: Float[Tensor, "b n outputs"]) -> Float[Tensor, "b n classes"]:
        """What the classes are reported with, before the objectness comes in."""
        ...


class Softmax:
    """One class of all: a logit each."""

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
