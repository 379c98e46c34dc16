"""What metrics take in, with types and shapes checked: compiled code looks at neither.

Every metric gets its predictions and truths through here, and so do the pictures that a run keeps.
Numbers are converted where nothing is lost (label maps of int64 become bytes); the rest is a TypeError or a
ValueError that names the field.
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
    """Itself; raises TypeError for anything but ClassScores, ValueError without one score per class."""
    if not isinstance(value, ClassScores):
        raise TypeError(f"classification metrics take ClassScores, not {type(value).__name__}")
    if tuple(value.scores.shape) != (classes,):
        raise ValueError(f"scores have the shape {tuple(value.scores.shape)}; there are {classes} classes")
    return value


def label_bytes(value: Prediction) -> UInt8[np.ndarray, "h w"]:
    """The labels as bytes, whatever their integer type.

    Raises TypeError for anything but a LabelMap of integers, ValueError for another shape than
    (height, width) and for a label that is not 0 to 255.

    >>> label_bytes(LabelMap(torch.tensor([[0, 255]])))
    array([[  0, 255]], dtype=uint8)
    """
    if not isinstance(value, LabelMap):
        raise TypeError(f"segmentation metrics take LabelMaps, not {type(value).__name__}")
    labels = value.labels
    if labels.ndim != 2:
        raise ValueError(f"a label map has the shape (height, width), not {tuple(labels.shape)}")
    if labels.dtype not in _INTEGERS:
        raise TypeError(
            f"a label map holds one integer per pixel; this one is {labels.dtype}. Use logits.argmax(dim)."
        )
    if labels.dtype != torch.uint8:
        if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < _BYTE:
            wrong = int(labels[(labels < 0) | (labels >= _BYTE)][0])
            raise ValueError(
                f"the label {wrong} is not 0 to 255; void pixels are 255: if {wrong} stands for void, use "
                f"labels[labels == {wrong}] = 255"
            )
        labels = labels.to(torch.uint8)
    return np.asarray(labels.detach().cpu().numpy())


def detections(value: Prediction, classes: int) -> Detections:
    """Itself, with labels in int64.

    Raises TypeError for anything but Detections and for fields of another kind of number, ValueError for
    fields whose shapes do not fit together, for a label that is no class, and for a score, coordinate or area
    that is not finite.
    """
    if not isinstance(value, Detections):
        raise TypeError(f"detection metrics take Detections, not {type(value).__name__}")
    _require_shapes(value)
    labels = value.labels
    if labels.dtype not in _INTEGERS:
        raise TypeError(f"labels are whole numbers, one per box, not {labels.dtype}")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(f"labels {labels.tolist()} are not all among the {classes} classes")
    for name, flags in (("masks", value.masks), ("crowd", value.crowd), ("difficult", value.difficult)):
        if flags is not None and flags.dtype != torch.bool:
            raise TypeError(f"{name} are torch.bool, not {flags.dtype}; compare them: {name} > 0")
    for name, numbers in (("score", value.scores), ("coordinate", value.boxes), ("area", value.areas)):
        if numbers is not None and not torch.isfinite(numbers).all():
            raise ValueError(f"a {name} is not finite: {float(numbers[~torch.isfinite(numbers)][0])}")
    if labels.dtype == torch.int64:
        return value
    fields: Mapping[str, Tensor | None] = {**vars(value), "labels": labels.long()}
    return Detections(**fields)  # type: ignore[arg-type]


def _require_shapes(value: Detections) -> None:
    """Raise ValueError unless all fields are of as many objects."""
    if value.boxes.ndim != 2 or value.boxes.shape[1] != 4:
        shape = tuple(value.boxes.shape)
        raise ValueError(f"boxes have the shape (n, 4), not {shape}; without any: Detections.none()")
    each = value.boxes.shape[:1]
    for name in ("labels", "scores", "crowd", "difficult", "areas"):
        field: Tensor | None = getattr(value, name)
        if field is not None and field.shape != each:
            raise ValueError(f"{len(value.boxes)} boxes cannot have {name} of the shape {tuple(field.shape)}")
    if value.masks is not None and (value.masks.ndim != 3 or value.masks.shape[:1] != each):
        shape = tuple(value.masks.shape)
        raise ValueError(f"{len(value.boxes)} boxes have masks of the shape (n, height, width), not {shape}")
