"""Weights that count their classes otherwise than the data set: mapped by a table, or refused.

Published weights know the classes of the data that they were trained on. Where those are the data set's
own, in its order, nothing is done. Where the data set's are among them (VOC's twenty among COCO's eighty,
ten folders of ImageNet among its thousand), each class takes its output, and what the net says of all
others is left out: the record carries the table. Anything else is refused.
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

_ALIKE: Final = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}
"""What VOC and darknet call it → what COCO calls it."""


class LabeledModel(NamedTuple):
    """A net whose predictions count the data set's classes."""

    model: Model
    table: Mapping[str, int] | None
    """The data set's class → the weights' label; None where they are the same."""


def build_for(spec: ModelSpec, classes: Sequence[str], *, weights: WeightFile | None = None) -> LabeledModel:
    """The network that `spec` describes, for data of these classes; as `build_model`.

    Raises InputError where the weights are known to lack one of the classes.
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
    members.decode = _relabelled(model.decode, tuple(table.values()), outputs=len(theirs))
    return LabeledModel(model, table)


def keys_of_labels(name: LabelsName, *, background: bool) -> tuple[str, ...]:
    """The classes that such weights count, in their order; ImageNet's by their WordNet ids."""
    if name == "coco":
        return tuple(COCO_CATEGORIES.values())
    if name == "voc":
        return ("background",) * background + tuple(map(_alike, VOC_CLASSES))
    return tuple(one.wnid for one in imagenet_classes())


def table_between(
    spec: ModelSpec, name: LabelsName, theirs: Sequence[str], classes: Sequence[str]
) -> dict[str, int] | None:
    """Each class's label in the weights; None where both count the same classes in one order.

    Raises InputError for a class that the weights do not know.
    """
    keys = _keys(name, classes)
    if tuple(keys) == tuple(theirs):
        return None
    labels = {key: label for label, key in enumerate(theirs)}
    unknown = [one for one, key in zip(classes, keys, strict=True) if key not in labels]
    if unknown:
        raise InputError(
            f"{spec.name}: its weights know the {len(theirs)} classes of {name}, and "
            f"{len(unknown)} of the data set's {len(classes)} are not among them, such as {unknown[0]!r}.\n"
            "  Take weights of the data set's own classes, or train: leave `weights` out."
        )
    return {key: labels[key] for key in keys}


def _keys(name: LabelsName, classes: Sequence[str]) -> list[str]:
    """What the data set's classes are called among the weights' own."""
    if name != "imagenet":
        return [_alike(one) for one in classes]
    wnids = {one.name: one.wnid for one in imagenet_classes()}
    return [wnids.get(one, one) for one in classes]


def _alike(name: str) -> str:
    return _ALIKE.get(name, name)


def _relabelled(
    decode: Callable[[Any], Sequence[Prediction]], labels: Sequence[int], *, outputs: int
) -> Callable[[Any], list[Prediction]]:
    """The same decoding, in the data set's labels."""
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
"""Category ids up to 90 that COCO's published annotations never use."""

COCO_IDS: Final = tuple(number for number in range(1, 91) if number not in _NAMELESS)
"""The category id behind each of COCO's 80 labels."""


def categories_of(model: str, classes: int, *, coco91: bool) -> Sequence[int]:
    """The output behind each label, output 0 being the background: COCO's ids, or one after the other.

    Raises InputError for `coco91` with other than 80 classes.
    """
    if not coco91:
        return range(1, classes + 1)
    if classes != len(COCO_IDS):
        raise refusal(model, "coco91", coco91, wanted=f"false for {classes} classes; it is for COCO's 80")
    return COCO_IDS
