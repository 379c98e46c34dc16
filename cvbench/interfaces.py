"""What a model, a data set and a metric promise: the plug-in interfaces, and nothing else.

A plug-in is any object with these members; it inherits nothing from here. One contract test a kind
(`tests/contracts/`) covers every entry of the catalogues against these promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from cvbench.record import Measurement, Passport
from cvbench.spec.cell import TaskName
from cvbench.values import ClassScores, Detections, LabelMap, Prediction, Preprocessing, Sample, Truth


@runtime_checkable
class Dataset(Protocol):
    """A finite, indexable collection of Samples of one split and one task.

    Indexing is deterministic and safe in worker processes. A sample that cannot be decoded raises
    DataError with the file's name.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in label order; for segmentation label 0 is the background, named here too."""
        ...

    @property
    def task(self) -> TaskName:
        """What its truths are made for."""
        ...

    @property
    def passport(self) -> Passport:
        """What this is, to the byte: the record carries it."""
        ...

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Sample: ...


class _Network(Protocol):
    """What every model has: a torch module with these members."""

    preprocessing: Preprocessing
    """How an image becomes the network's input, in full."""

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """Raw outputs of the net for a prepared batch; the same form in training and evaluation.

        Tensors that only the loss reads, such as those of auxiliary heads, may be empty in evaluation, and
        those that only the decoding reads may be empty in training.
        """
        ...


@runtime_checkable
class Classifier(_Network, Protocol):
    """Assigns class scores to an image."""

    def loss(self, outputs: Any, truths: Sequence[ClassScores]) -> dict[str, Tensor]:
        """Named scalar terms of the training loss, each a mean over the batch; their sum is descended."""
        ...

    def decode(self, outputs: Any) -> list[ClassScores]:
        """Probabilities, one entry an image."""
        ...


@runtime_checkable
class Detector(_Network, Protocol):
    """Finds objects: boxes in pixels of the prepared input, class and score each."""

    def loss(self, outputs: Any, truths: Sequence[Detections]) -> dict[str, Tensor]:
        """As a Classifier's; the truths' boxes are in pixels of the prepared input.

        They come without masks, unless the model has an attribute `needs_masks` that is True.
        """
        ...

    def decode(self, outputs: Any) -> list[Detections]:
        """Objects after non-maximum suppression, best score first, in pixels of the prepared input."""
        ...


@runtime_checkable
class Segmenter(_Network, Protocol):
    """Assigns a class to every pixel of the prepared input."""

    def loss(self, outputs: Any, truths: Sequence[LabelMap]) -> dict[str, Tensor]:
        """As a Classifier's; the truths have the prepared input's size."""
        ...

    def decode(self, outputs: Any) -> list[LabelMap]:
        """A label for each pixel of the prepared input."""
        ...


Model: TypeAlias = Classifier | Detector | Segmenter


@runtime_checkable
class Metric(Protocol):
    """Accumulates predictions against truths and yields Measurements.

    The result depends on the set of images alone: not on batch size, order, or how the set was
    split over objects that were merged.
    """

    protocol: str
    """Names the exact rule, such as ``coco-2017/bbox/101pt/maxdet100``."""

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Take in one batch; an id may come only once."""
        ...

    def merge(self, other: Metric) -> None:
        """Take in what another metric of the same kind has accumulated."""
        ...

    def compute(self) -> list[Measurement]:
        """The figures over all images seen so far; the first one is the primary metric."""
        ...

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """Per-image columns, `id` first: enough to recompute and to pair the figures."""
        ...


class Evidence(NamedTuple):
    """Why a metric's figures are what they are: one table, in a form that `docs/records.md` describes."""

    kind: Literal["curves", "confusion", "errors"]
    columns: Mapping[str, Sequence[Any]]
    """Of equal length. Labels are numbers in label order; the number of classes stands for nothing."""
    about: Mapping[str, str]
    """What holds for the whole table, such as the IoU from which on an object is found."""


@runtime_checkable
class Explained(Protocol):
    """What a metric may promise besides: that it can tell why its figures are what they are."""

    def evidence(self) -> Sequence[Evidence]:
        """At most one table of each kind, over all images seen so far; none where nothing can be told."""
        ...


@runtime_checkable
class Annotated(Protocol):
    """What a metric may also promise: to say what is unusual about the truths it has seen."""

    def notes(self) -> Sequence[str]:
        """What a reader of its values has to know; what comes before the first colon is the short form."""
        ...


def module_of(model: object) -> nn.Module:
    """The model as the torch module that it is; raises TypeError for one that is none."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"{type(model).__name__} is not a torch.nn.Module")
    return model
