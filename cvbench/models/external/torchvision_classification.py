"""Any classifier of torchvision, with the preprocessing that its weights were trained with.

torchvision's nets are built without weights; a `.pth` file of theirs is loaded by name. GoogLeNet and
Inception v3 have auxiliary heads, whose losses count 0.3 each, as their papers have it; in torchvision's
weights files they are there too.
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


def build(name: str, classes: int, *, size: object = None, transforms: str = "DEFAULT", **said: Any) -> Any:
    """The network of this name in torchvision, freshly initialised.

    `transforms` names the weights whose preprocessing is taken. With `size`, the crop has that side,
    and the shorter side grows or shrinks along. `said` overrules how images come in.

    Raises UnknownName for weights that torchvision does not have.
    """
    title, side = f"torchvision/{name}", side_of(f"torchvision/{name}", size)
    # Where it is not told, torchvision warns that it will draw from another distribution some day.
    told = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    net = models.get_model(name, weights=None, num_classes=classes, **told)
    own = _preprocessing(title, models.get_model_weights(name), transforms, side)
    preprocessing = with_options(title, own, said, ways=OF_WHOLE_IMAGES)
    return with_members(net, preprocessing, loss=_loss, decode=softmax_scores)


def _loss(outputs: Any, truths: Sequence[ClassScores]) -> dict[str, Tensor]:
    """Cross entropy of the head, and of auxiliary heads where the net has them."""
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
        raise UnknownName(f'{title}: there are no weights "{name}".\n  {near}')
    return of_classifier(title, getattr(weights, name).transforms(), side)
