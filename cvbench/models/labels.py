"""Maps the classes of pretrained weights to the classes of the dataset, or rejects the weights.

Published weights predict the classes of the data they were trained on. If these are the dataset's classes
in the same order, nothing changes. If they include all of the dataset's classes (VOC's 20 are among COCO's
80, ten ImageNet folders among its 1,000), each class is mapped to its output, predictions of other classes
are dropped, and the record stores the mapping. Anything else is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from cvbench.errors import InputError
from cvbench.interfaces import Model
from cvbench.models.building import build_model, refusal
from cvbench.spec.catalogue.label_spaces import COCO_CATEGORIES, VOC_CLASSES, imagenet_classes
from cvbench.spec.catalogue.weights import WeightFile, weight_file
from cvbench.spec.cell import LabelsName, ModelSpec
from cvbench.values import ClassScores, Detections, LabelMap, Prediction

_COCO_NAMES: Final = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}
"""Name in VOC and darknet → name in COCO."""


class LabeledModel(NamedTuple):
    """A model that predicts the dataset's classes."""

    model: Model
    table: Mapping[str, int] | None
    """The dataset's class → the weights' label; None if they are the same."""


def build_for(spec: ModelSpec, classes: Sequence[str], *, weights: WeightFile | None = None) -> LabeledModel:
    """The network that `spec` describes, for a dataset with these classes; see `build_model`.

    Raises InputError if the weights lack one of the classes.
    """
    weights = weights or weight_file(spec)
    known = weights.labels if weights else None
    if known is None:
        return LabeledModel(build_model(spec, len(classes), weights=weights), None)
    background = classes[0] == "background"
    theirs = keys_of_labels(known, background=background)
    table = table_between(spec, known, theirs, classes)
    model = build_model(spec, len(theirs), weights=weights)
    if table is None:
        return LabeledModel(model, None)
    members: Any = model
    members.decode = _relabeled(model.decode, tuple(table.values()), outputs=len(theirs))
    return LabeledModel(model, table)


def keys_of_labels(name: LabelsName, *, background: bool) -> tuple[str, ...]:
    """Keys of the classes that the weights predict, in order; for ImageNet their WordNet ids."""
    if name == "coco":
        return tuple(COCO_CATEGORIES.values())
    if name == "voc":
        return ("background",) * background + tuple(map(_coco_name, VOC_CLASSES))
    return tuple(one.wnid for one in imagenet_classes())


def table_between(
    spec: ModelSpec, name: LabelsName, theirs: Sequence[str], classes: Sequence[str]
) -> dict[str, int] | None:
    """The weights' label for each class; None if the classes and their order are equal.

    Raises InputError for a class that the weights lack.
    """
    keys = _keys(name, classes)
    if tuple(keys) == tuple(theirs):
        return None
    labels = {key: label for label, key in enumerate(theirs)}
    unknown = [one for one, key in zip(classes, keys, strict=True) if key not in labels]
    if unknown:
        raise InputError(
            f"{spec.name}: the weights predict the {len(theirs)} classes of {name}, but "
            f"{len(unknown)} of the dataset's {len(classes)} are not among them, such as {unknown[0]!r}.\n"
            "  Use weights for the dataset's classes, or remove `weights` and train."
        )
    return {key: labels[key] for key in keys}


def _keys(name: LabelsName, classes: Sequence[str]) -> list[str]:
    """Keys of the dataset's classes in the weights' naming."""
    if name != "imagenet":
        return [_coco_name(one) for one in classes]
    wnids = {one.name: one.wnid for one in imagenet_classes()}
    return [wnids.get(one, one) for one in classes]


def _coco_name(name: str) -> str:
    return _COCO_NAMES.get(name, name)


def _relabeled(
    decode: Callable[[Any], Sequence[Prediction]], labels: Sequence[int], *, outputs: int
) -> Callable[[Any], list[Prediction]]:
    """The decoder with its labels mapped to the dataset's."""
    chosen = torch.tensor(labels)
    of_label = torch.full((outputs,), -1)
    of_label[chosen] = torch.arange(len(labels))

    def decoded(raw: Any) -> list[Prediction]:
        return [_moved(prediction, chosen, of_label) for prediction in decode(raw)]

    return decoded


def _moved(prediction: Prediction, chosen: Tensor, of_label: Tensor) -> Prediction:
    match prediction:
        case ClassScores():
            return ClassScores(prediction.scores[chosen.to(prediction.scores.device)])
        case Detections():
            labels = of_label.to(prediction.labels.device)[prediction.labels]
            kept = labels >= 0
            masks = None if prediction.masks is None else prediction.masks[kept]
            return replace(
                prediction,
                boxes=prediction.boxes[kept],
                labels=labels[kept],
                scores=prediction.scores[kept],
                masks=masks,
            )
        case LabelMap():
            labels = of_label.clamp(min=0).to(prediction.labels.device)[prediction.labels.long()]
            return LabelMap(labels.to(torch.uint8))


_NAMELESS: Final = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
"""Category ids up to 90 that COCO's annotations do not use."""

COCO_IDS: Final = tuple(number for number in range(1, 91) if number not in _NAMELESS)
"""The category id of each of COCO's 80 labels."""


def categories_of(model: str, classes: int, *, coco91: bool) -> Sequence[int]:
    """The output index of each label, where output 0 is the background: COCO's ids, or consecutive numbers.

    Raises InputError for `coco91` unless there are 80 classes.
    """
    if not coco91:
        return range(1, classes + 1)
    if classes != len(COCO_IDS):
        raise refusal(model, "coco91", coco91, wanted=f"false for {classes} classes; it is for COCO's 80")
    return COCO_IDS
