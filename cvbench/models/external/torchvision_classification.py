"""Any torchvision classifier, with the preprocessing of its weights.

Models are built without weights; torchvision's `.pth` files load by tensor name. GoogLeNet and
Inception v3 have auxiliary heads, whose losses are weighted by 0.3 as in their papers; torchvision's
weights include the heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torchvision import models

from cvbench.errors import UnknownName, suggestion
from cvbench.models.classification import softmax_loss, softmax_scores
from cvbench.models.external.preprocessing import (
    OF_WHOLE_IMAGES,
    of_classifier,
    side_of,
    with_members,
    with_options,
)
from cvbench.values import ClassScores, Preprocessing

_AUXILIARY_WEIGHT = 0.3


def build(name: str, classes: int, *, size: object = None, transforms: str = "DEFAULT", **given: Any) -> Any:
    """The torchvision model of this name with random weights.

    `transforms` names the weights whose preprocessing is used. `size` is the side of the crop; the shorter
    side is scaled by the same factor. `given` overrides the preprocessing.

    Raises UnknownName for weights that torchvision does not have.
    """
    title, side = f"torchvision/{name}", side_of(f"torchvision/{name}", size)
    # Without it, torchvision warns that the default initialization will change.
    explicit = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    net = models.get_model(name, weights=None, num_classes=classes, **explicit)
    own = _preprocessing(title, models.get_model_weights(name), transforms, side)
    preprocessing = with_options(title, own, given, ways=OF_WHOLE_IMAGES)
    return with_members(net, preprocessing, loss=_loss, decode=softmax_scores)


def _loss(outputs: Any, truths: Sequence[ClassScores]) -> dict[str, Tensor]:
    """Cross entropy of the main head and of any auxiliary heads."""
    if isinstance(outputs, Tensor):
        return softmax_loss(outputs, truths)
    heads = {name: head for name, head in outputs._asdict().items() if head is not None}
    terms = softmax_loss(heads.pop("logits"), truths)
    for name, head in heads.items():
        terms[name] = _AUXILIARY_WEIGHT * softmax_loss(head, truths)["cross_entropy"]
    return terms


def _preprocessing(title: str, weights: Any, name: str, side: int | None) -> Preprocessing:
    known = {*weights.__members__, "DEFAULT"}
    if name not in known:
        near = suggestion(name, known) or f"It has {', '.join(sorted(known))}."
        raise UnknownName(f'{title}: no weights named "{name}".\n  {near}')
    return of_classifier(title, getattr(weights, name).transforms(), side)
