"""Any torchvision segmentation model: FCN, DeepLab v3, LR-ASPP.

As in torchvision's reference, images keep their aspect ratio, and the shorter side is resized to 520
pixels. With `size`, images are stretched to a square of that side. With `aux`, a second head on the
third stage is trained with a weight of 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision import models

from cvbench.errors import InputError
from cvbench.models.classification import IMAGENET_MEAN, IMAGENET_STD
from cvbench.models.external.preprocessing import (
    OF_THEIR_PARTS,
    of_segmenter,
    side_of,
    with_members,
    with_options,
)
from cvbench.models.segmentation import best_labels, pixel_loss
from cvbench.values import LabelMap, Preprocessing

_AUXILIARY_WEIGHT = 0.5


def build(name: str, classes: int, *, size: object = None, aux: bool = False, **given: Any) -> Any:
    """The torchvision model of this name with random weights; `classes` includes the background.

    `given` overrides the preprocessing.
    """
    title = f"torchvision/{name}"
    side = side_of(title, size)
    if aux and name.startswith("lraspp"):
        raise InputError(
            f"{title}: aux=True: this model has no third stage for a second head.\n  Remove aux."
        )
    heads = {} if name.startswith("lraspp") else {"aux_loss": aux}
    net = models.get_model(name, weights=None, weights_backbone=None, num_classes=classes, **heads)
    if side is not None:
        own = Preprocessing((side, side), mean=IMAGENET_MEAN, std=IMAGENET_STD)
    else:
        own = of_segmenter(title, models.get_model_weights(name).DEFAULT.transforms())
    preprocessing = with_options(title, own, given, ways=OF_THEIR_PARTS)
    return with_members(net, preprocessing, loss=_loss, decode=_decode)


def _loss(outputs: Mapping[str, Tensor], truths: Sequence[LabelMap]) -> dict[str, Tensor]:
    """Cross entropy per pixel, of the main head and of the auxiliary one."""
    labels = torch.stack([truth.labels for truth in truths]).to(outputs["out"].device, torch.int64)
    terms = {"cross_entropy": pixel_loss(outputs["out"].float(), labels)}
    if "aux" in outputs:
        terms["auxiliary"] = _AUXILIARY_WEIGHT * pixel_loss(outputs["aux"].float(), labels)
    return terms


def _decode(outputs: Mapping[str, Tensor]) -> list[LabelMap]:
    """Each pixel's class with the highest logit."""
    return best_labels(outputs["out"])
