"""Per-image storage of metrics, in an order that does not depend on the order of updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped
from torch import Tensor

from cvbench.interfaces import Evidence
from cvbench.metrics.inputs import detections
from cvbench.values import Prediction

T = TypeVar("T")


class PerImage(Generic[T]):
    """One entry per image id, read back sorted by id.

    Ids are sorted as numbers if all are decimal numbers, else as strings.
    """

    def __init__(self) -> None:
        self._entries: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, ids: Sequence[str], entries: Sequence[T]) -> None:
        """Add a batch, all or nothing; raises ValueError for a duplicate id."""
        if len(ids) != len(entries):
            raise ValueError(f"{len(ids)} ids for {len(entries)} images")
        batch = dict(zip(ids, entries, strict=True))
        repeated = sorted(batch.keys() & self._entries.keys())
        if repeated or len(batch) != len(ids):
            known = repeated or sorted(i for i in batch if list(ids).count(i) > 1)
            raise ValueError(f"image {known[0]!r} was added twice; each id may occur only once")
        self._entries.update(batch)

    def merge(self, other: PerImage[T]) -> None:
        """Add all entries of `other`; raises ValueError if both have the same image."""
        self.add(list(other._entries), list(other._entries.values()))

    def ids(self) -> list[str]:
        """The sorted ids."""
        numbered = all(image.isdecimal() for image in self._entries)
        return sorted(self._entries, key=lambda image: (int(image), image) if numbered else (0, image))

    def entries(self) -> list[T]:
        """The entries, sorted by id."""
        return [self._entries[image] for image in self.ids()]


def confusion_evidence(counts: Int64[np.ndarray, "true predicted"], **about: str) -> Evidence:
    """The confusion matrix as rows of true label, predicted label and count."""
    true, predicted = np.nonzero(counts)
    columns = {
        "true": true.tolist(),
        "predicted": predicted.tolist(),
        "count": counts[true, predicted].tolist(),
    }
    return Evidence("confusion", columns, about)


class ObjectArrays(NamedTuple):
    """The fields of `Detections` except masks, validated and with defaults."""

    label: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    corners: Float64[np.ndarray, "n 4"]
    """(x1, y1, x2, y2), half-open."""
    crowd: Bool[np.ndarray, " n"]
    difficult: Bool[np.ndarray, " n"]
    area: Float64[np.ndarray, " n"]
    """Annotated area; else the area of the mask, or of the box without masks."""


def object_arrays(value: Prediction, classes: int) -> ObjectArrays:
    """The arrays of one image; raises as `cvbench.metrics.inputs.detections` does."""
    value = detections(value, classes)
    label, corners, score = _numpy(value.labels), _numpy(value.boxes.double()), _numpy(value.scores.double())
    if value.areas is not None:
        area = _numpy(value.areas.double())
    elif value.masks is not None:
        area = _numpy(value.masks.sum((1, 2)).double())
    else:
        area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    return ObjectArrays(
        label, score, corners, _flags(value.crowd, len(label)), _flags(value.difficult, len(label)), area
    )


def column(parts: Sequence[Shaped[np.ndarray, "..."]], dtype: type[np.generic]) -> Shaped[np.ndarray, "..."]:
    """The concatenated arrays of the images."""
    return np.concatenate([np.empty(0, dtype), *parts])


def _flags(flags: Tensor | None, n: int) -> Bool[np.ndarray, " n"]:
    return np.zeros(n, np.bool_) if flags is None else _numpy(flags)


def _numpy(tensor: Tensor) -> Shaped[np.ndarray, "..."]:
    return np.asarray(tensor.detach().cpu().numpy())
