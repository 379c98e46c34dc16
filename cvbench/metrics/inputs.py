"""Validation of the inputs of metrics: compiled code checks neither types nor shapes.

All metrics and the stored images of a run use these functions. Values are converted if nothing is lost (int64
label maps become uint8); anything else is a TypeError or ValueError that names the field.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from cvbench.values import ClassScores, Detections, LabelMap, Prediction

_INTEGERS = frozenset({torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64})
_BYTE = 256


def class_scores(value: Prediction, classes: int) -> ClassScores:
    """Return `value`; raises TypeError unless it is ClassScores, ValueError unless one score per class."""
    if not isinstance(value, ClassScores):
        raise TypeError(f"classification metrics take ClassScores, not {type(value).__name__}")
    if tuple(value.scores.shape) != (classes,):
        raise ValueError(
            f"scores have shape {tuple(value.scores.shape)}, expected ({classes},): one per class"
        )
    return value


def label_bytes(value: Prediction) -> UInt8[np.ndarray, "h w"]:
    """The labels as uint8, from any integer type.

    Raises TypeError unless `value` is a LabelMap of integers, ValueError unless its shape is (height, width)
    and all labels are from 0 to 255.

    >>> label_bytes(LabelMap(torch.tensor([[0, 255]])))
    array([[  0, 255]], dtype=uint8)
    """
    if not isinstance(value, LabelMap):
        raise TypeError(f"segmentation metrics take LabelMaps, not {type(value).__name__}")
    labels = value.labels
    if labels.ndim != 2:
        raise ValueError(f"a label map must have shape (height, width), not {tuple(labels.shape)}")
    if labels.dtype not in _INTEGERS:
        raise TypeError(
            f"a label map must have an integer dtype, not {labels.dtype}. Use logits.argmax(dim)."
        )
    if labels.dtype != torch.uint8:
        if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < _BYTE:
            wrong = int(labels[(labels < 0) | (labels >= _BYTE)][0])
            raise ValueError(
                f"label {wrong} is not from 0 to 255. Void pixels have label 255; if {wrong} means void, use "
                f"labels[labels == {wrong}] = 255"
            )
        labels = labels.to(torch.uint8)
    return np.asarray(labels.detach().cpu().numpy())


def detections(value: Prediction, classes: int) -> Detections:
    """Return `value` with labels in int64.

    Raises TypeError unless it is Detections and for wrong dtypes, ValueError for shapes that do not fit
    together, for a label that is not a class, and for a score, coordinate or area that is not finite.
    """
    if not isinstance(value, Detections):
        raise TypeError(f"detection metrics take Detections, not {type(value).__name__}")
    _require_shapes(value)
    labels = value.labels
    if labels.dtype not in _INTEGERS:
        raise TypeError(f"labels must have an integer dtype, not {labels.dtype}")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(f"labels {labels.tolist()} are not all from 0 to {classes - 1}")
    for name, flags in (("masks", value.masks), ("crowd", value.crowd), ("difficult", value.difficult)):
        if flags is not None and flags.dtype != torch.bool:
            raise TypeError(f"{name} must be torch.bool, not {flags.dtype}. Use {name} > 0.")
    for name, numbers in (("score", value.scores), ("coordinate", value.boxes), ("area", value.areas)):
        if numbers is not None and not torch.isfinite(numbers).all():
            raise ValueError(f"a {name} is not finite: {float(numbers[~torch.isfinite(numbers)][0])}")
    if labels.dtype == torch.int64:
        return value
    fields: Mapping[str, Tensor | None] = {**vars(value), "labels": labels.long()}
    return Detections(**fields)  # type: ignore[arg-type]


def _require_shapes(value: Detections) -> None:
    """Raise ValueError unless all fields have one entry per box."""
    if value.boxes.ndim != 2 or value.boxes.shape[1] != 4:
        shape = tuple(value.boxes.shape)
        raise ValueError(f"boxes must have shape (n, 4), not {shape}; without objects use Detections.none()")
    each = value.boxes.shape[:1]
    for name in ("labels", "scores", "crowd", "difficult", "areas"):
        field: Tensor | None = getattr(value, name)
        if field is not None and field.shape != each:
            shape = tuple(field.shape)
            raise ValueError(
                f"{name} must have shape {tuple(each)} for {len(value.boxes)} boxes, not {shape}"
            )
    if value.masks is not None and (value.masks.ndim != 3 or value.masks.shape[:1] != each):
        shape = tuple(value.masks.shape)
        raise ValueError(f"masks must have shape ({len(value.boxes)}, height, width), not {shape}")
