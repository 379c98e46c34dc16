"""One image's objects or detections as arrays, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped
from torch import Tensor

from cvbench.values import Detections, Prediction


class ObjectArrays(NamedTuple):
    """What `Detections` hold besides masks; nothing in it is unknown or unsound."""

    label: Int64[np.ndarray, " n"]
    score: Float64[np.ndarray, " n"]
    corners: Float64[np.ndarray, "n 4"]
    """(x1, y1, x2, y2), half-open."""
    crowd: Bool[np.ndarray, " n"]
    difficult: Bool[np.ndarray, " n"]
    area: Float64[np.ndarray, " n"]
    """As annotated; else that of the mask, and without masks that of the box."""


def object_arrays(value: Prediction, classes: int) -> ObjectArrays:
    """The arrays of one image.

    Raises TypeError for anything but Detections, and ValueError for a label that is no class and a
    score or coordinate that is not finite.
    """
    if not isinstance(value, Detections):
        raise TypeError(f"detection metrics take Detections, not {type(value).__name__}")
    label, corners, score = _numpy(value.labels), _numpy(value.boxes.double()), _numpy(value.scores.double())
    if len(label) and not 0 <= label.min() <= label.max() < classes:
        raise ValueError(f"labels {label.tolist()} are not all among the {classes} classes")
    for name, numbers in (("score", score), ("coordinate", corners)):
        if not np.isfinite(numbers).all():
            raise ValueError(f"a {name} is not finite: {numbers[~np.isfinite(numbers)][0]}")
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
    """The images' arrays behind one another."""
    return np.concatenate([np.empty(0, dtype), *parts])


def _flags(flags: Tensor | None, n: int) -> Bool[np.ndarray, " n"]:
    return np.zeros(n, np.bool_) if flags is None else _numpy(flags)


def _numpy(tensor: Tensor) -> Shaped[np.ndarray, "..."]:
    return np.asarray(tensor.detach().cpu().numpy())
