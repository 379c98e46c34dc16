"""What published weights imply: the form of the net that they were trained in, and its preprocessing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from cvbench.interfaces import Model
from cvbench.spec.catalogue import MODELS
from cvbench.spec.catalogue.weights import torchvision_weights
from cvbench.spec.cell import ModelSpec, Option
from cvbench.values import Preprocessing

_COCO_OUTPUTS: Final = 91

_WITHOUT_EPSILON: Final = frozenset(
    f"{net}_ResNet50_FPN_Weights.COCO_V1" for net in ("FasterRCNN", "MaskRCNN", "RetinaNet")
)
"""Trained with norms that add nothing to the variance: `overwrite_eps` in torchvision's builders."""

_GEOMETRY: Final = frozenset(("size", "shorter"))
"""Options that say how images come into the net: who gives one gets what it says."""


def implied_options(spec: ModelSpec, known: Collection[str]) -> dict[str, Option]:
    """Options, among those that the model knows, that its weights need; the spec's own go before them."""
    weights = torchvision_weights(spec.weights)
    if weights is None:
        return {}
    implied: dict[str, Option] = {"transforms": weights.name}
    if len(weights.meta["categories"]) == _COCO_OUTPUTS:
        implied["coco91"] = True
    if str(weights) in _WITHOUT_EPSILON:
        implied["epsilon"] = 0.0
    if spec.name.startswith(("torchvision/fcn", "torchvision/deeplab")):
        implied["aux"] = True  # their files hold the second head
    return {name: value for name, value in implied.items() if name in known}


def fit_to_weights(model: Model, spec: ModelSpec) -> None:
    """Give a net of ours that takes torchvision's weights the geometry that they were scored with.

    Its normalisation stays: it belongs to the net, and is the same for both.
    """
    weights = torchvision_weights(spec.weights)
    if weights is None or not MODELS.lists(spec.name) or _GEOMETRY & spec.options.keys():
        return
    from cvbench.models.external.presets import PYRAMID, of_classifier, with_geometry

    theirs: Preprocessing = PYRAMID
    if MODELS[spec.name].task == "classification":
        theirs = of_classifier(spec.name, weights.transforms(), None)
    members: Any = model
    members.preprocessing = with_geometry(
        model.preprocessing, theirs, multiple=getattr(model, "input_multiple", 1)
    )
