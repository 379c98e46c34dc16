"""The plug-in interfaces of models, datasets and metrics.

A plug-in is any object with these members; it need not inherit from these classes. The contract tests in
`tests/contracts/` check every entry of the catalogues against them.
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

    Indexing is deterministic and safe in worker processes. A corrupt image raises DataError with the
    file's name.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in label order; for segmentation including the background, label 0."""
        ...

    @property
    def task(self) -> TaskName:
        """The task of its truths."""
        ...

    @property
    def passport(self) -> Passport:
        """The dataset fingerprint, which is stored in the record."""
        ...

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Sample: ...


class _Network(Protocol):
    """The members of every model, which is a torch module."""

    preprocessing: Preprocessing
    """The complete preprocessing of an image."""

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """Raw network outputs for a preprocessed batch; the same structure in training and evaluation.

        Tensors that only `loss` uses, such as outputs of auxiliary heads, may be empty in evaluation;
        tensors that only `decode` uses may be empty in training.
        """
        ...


@runtime_checkable
class Classifier(_Network, Protocol):
    """Assigns class scores to an image."""

    def loss(self, outputs: Any, truths: Sequence[ClassScores]) -> dict[str, Tensor]:
        """Named scalar terms of the loss, each a mean over the batch; training minimizes their sum."""
        ...

    def decode(self, outputs: Any) -> list[ClassScores]:
        """Class probabilities, one entry per image."""
        ...


@runtime_checkable
class Detector(_Network, Protocol):
    """Detects objects: each has a box in pixels of the preprocessed input, a class and a score."""

    def loss(self, outputs: Any, truths: Sequence[Detections]) -> dict[str, Tensor]:
        """As for a Classifier; the truths' boxes are in pixels of the preprocessed input.

        Truths have masks only if the model's attribute `needs_masks` is True.
        """
        ...

    def decode(self, outputs: Any) -> list[Detections]:
        """Objects after non-maximum suppression, highest score first, in pixels of the preprocessed input."""
        ...


@runtime_checkable
class Segmenter(_Network, Protocol):
    """Assigns a class to every pixel of the preprocessed input."""

    def loss(self, outputs: Any, truths: Sequence[LabelMap]) -> dict[str, Tensor]:
        """As for a Classifier; the truths have the size of the preprocessed input."""
        ...

    def decode(self, outputs: Any) -> list[LabelMap]:
        """One label per pixel of the preprocessed input."""
        ...


Model: TypeAlias = Classifier | Detector | Segmenter


@runtime_checkable
class Metric(Protocol):
    """Accumulates predictions against truths and yields Measurements.

    The result depends only on the set of images: not on batch size, order, or how the images were
    distributed over merged metrics.
    """

    protocol: str
    """Name of the exact rule, such as ``coco-2017/bbox/101pt/maxdet100``."""

    def update(self, ids: Sequence[str], predictions: Sequence[Prediction], truths: Sequence[Truth]) -> None:
        """Add one batch; each id may occur only once."""
        ...

    def merge(self, other: Metric) -> None:
        """Add the images of another metric of the same kind."""
        ...

    def compute(self) -> list[Measurement]:
        """The measurements over all images so far; the first is the primary metric."""
        ...

    def outcomes(self) -> Mapping[str, Sequence[Any]]:
        """Per-image results as columns, `id` first: enough to recompute the metrics and to pair two runs."""
        ...


class Evidence(NamedTuple):
    """Diagnostics of a metric: one table in a format that `docs/records.md` describes."""

    kind: Literal["curves", "confusion", "errors"]
    columns: Mapping[str, Sequence[Any]]
    """Columns of equal length. Classes are label numbers; the number of classes means "no object"."""
    about: Mapping[str, str]
    """Metadata of the whole table, such as the IoU threshold."""


@runtime_checkable
class Explained(Protocol):
    """Optional interface of a metric that provides diagnostics."""

    def evidence(self) -> Sequence[Evidence]:
        """At most one table of each kind, over all images so far."""
        ...


@runtime_checkable
class Annotated(Protocol):
    """Optional interface of a metric that reports what is unusual about the truths."""

    def notes(self) -> Sequence[str]:
        """Notes for readers of the metric; the text before the first colon is the short form."""
        ...


def module_of(model: object) -> nn.Module:
    """The model, typed as a torch module; raises TypeError if it is not one."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"{type(model).__name__} is not a torch.nn.Module")
    return model
