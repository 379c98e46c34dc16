"""What a model's `decode` returns, checked against its protocol before a metric sees it.

A mistake in your own model ends its cell with a message of what it returned and what is expected, instead
of an error in the code that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from torch import Tensor

from cvbench.errors import CellError
from cvbench.spec.cell import TaskName
from cvbench.values import ClassScores, Detections, LabelMap, Prediction

_EXPECTED: Final[Mapping[TaskName, type[Any]]] = {
    "classification": ClassScores,
    "detection": Detections,
    "segmentation": LabelMap,
}
_OF_A: Final[Mapping[TaskName, str]] = {
    "classification": "classifier",
    "detection": "detector",
    "segmentation": "segmenter",
}


def checked(
    found: object, ids: Sequence[str], *, task: TaskName, classes: Sequence[str]
) -> list[ClassScores | Detections | LabelMap]:
    """One prediction per image, in the host's memory.

    Raises CellError where `found` is anything else: no list, an entry too few, or one of another kind or
    form. Values that are NaN are counted elsewhere.
    """
    kind = _EXPECTED[task]
    expected = f"a {_OF_A[task]} returns a list of {kind.__name__}, one per image of the batch ({len(ids)})"
    if not isinstance(found, list | tuple):
        raise CellError(f"decode returned {_shown(found)}; {expected}.")
    if len(found) != len(ids):
        raise CellError(f"decode returned a list of {len(found)}; {expected}.")
    odd = next((place for place, one in enumerate(found) if not isinstance(one, kind)), None)
    if odd is not None:
        raise CellError(
            f"decode returned {_shown(found[odd])} for image {odd + 1} of the batch, {ids[odd]}; {expected}."
        )
    for image, one in zip(ids, found, strict=True):
        if (problem := _problem(one, classes)) is not None:
            raise CellError(f"decode returned {problem} for the image {image}; {expected}.")
    return [on_host(one) for one in found]


def on_host(prediction: Prediction) -> Prediction:
    """The prediction in the host's memory; itself if it is there already."""
    match prediction:
        case ClassScores():
            return ClassScores(prediction.scores.cpu())
        case LabelMap():
            return LabelMap(prediction.labels.cpu())
        case Detections():
            moved = {k: v.cpu() for k, v in vars(prediction).items() if isinstance(v, Tensor)}
            return replace(prediction, **moved)


def _problem(one: Prediction, classes: Sequence[str]) -> str | None:
    match one:
        case ClassScores() if one.scores.shape != (len(classes),):
            return (
                f"scores of the shape {list(one.scores.shape)}, and the data set has {len(classes)} classes,"
            )
        case LabelMap() if one.labels.ndim != 2:
            return f"labels of the shape {list(one.labels.shape)}, which is not (h, w),"
    return None


def _shown(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a Tensor of {list(value.shape)}"
    if isinstance(value, Mapping | list | tuple) and not value:
        return f"an empty {type(value).__name__}"
    return "None" if value is None else f"a {type(value).__name__}"
