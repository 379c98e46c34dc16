"""Builds the network that a ModelSpec describes, with the members that its task's protocol requires."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection
from typing import Any, Final, get_args

from torch import nn

from cvbench.errors import InputError
from cvbench.interfaces import Model
from cvbench.spec.catalogue import MODELS, ModelCard, is_address
from cvbench.spec.catalogue.models import task_of
from cvbench.spec.catalogue.options import check_options, choices_of
from cvbench.spec.catalogue.weights import WeightFile, weight_file
from cvbench.spec.cell import ModelSpec, Option, TaskName
from cvbench.values import Preprocessing

_COCO_OUTPUTS: Final = 91

_WITHOUT_EPSILON: Final = frozenset(
    f"{net}_ResNet50_FPN_Weights.COCO_V1" for net in ("FasterRCNN", "MaskRCNN", "RetinaNet")
)
"""Trained with batch norms whose epsilon is 0: `overwrite_eps` in torchvision's builders."""

_GEOMETRY: Final = frozenset(("size", "shorter"))
"""Geometry options; each one in the spec overrides the geometry of the weights."""


def implied_options(spec: ModelSpec, weights: WeightFile | None, known: Collection[str]) -> dict[str, Option]:
    """Options that the weights require and the model has (`known`); options in the spec take precedence."""
    name = weights.torchvision_name if weights else None
    if weights is None or name is None:
        return {}
    implied: dict[str, Option] = {"transforms": name.partition(".")[2]}
    if weights.outputs == _COCO_OUTPUTS:
        implied["coco91"] = True
    if name in _WITHOUT_EPSILON:
        implied["epsilon"] = 0.0
    if spec.name.startswith(("torchvision/fcn", "torchvision/deeplab")):
        implied["aux"] = True  # their weights include the auxiliary head
    return {option: value for option, value in implied.items() if option in known}


def fit_to_weights(model: Model, spec: ModelSpec, weights: WeightFile | None) -> None:
    """Give a cvbench model with torchvision's weights the input geometry of those weights.

    Its normalization does not change: the weights were trained with the same one.
    """
    name = weights.torchvision_name if weights else None
    if name is None or not MODELS.lists(spec.name) or _GEOMETRY & spec.options.keys():
        return
    from torchvision.models import get_weight

    from cvbench.models.external.preprocessing import PYRAMID, of_classifier, with_geometry

    theirs: Preprocessing = PYRAMID
    if MODELS[spec.name].task == "classification":
        theirs = of_classifier(spec.name, get_weight(name).transforms(), None)
    members: Any = model
    members.preprocessing = with_geometry(
        model.preprocessing, theirs, multiple=getattr(model, "input_multiple", 1)
    )


_MEMBERS = ("preprocessing", "forward", "loss", "decode")


def build_model(spec: ModelSpec, classes: int, *, weights: WeightFile | None = None) -> Model:
    """The network that `spec` describes, with random weights from torch's global generator.

    Does not read weights, but torchvision's weights imply options and preprocessing. `weights` is
    `spec.weights`, resolved; it is resolved here if it is None. For segmentation, `classes` includes the
    background.

    Raises UnknownName for an unknown model, import path or option, with the nearest match, and InputError
    for an option value that the builder rejects.
    """
    task = task_of(spec)
    builder: Callable[..., Any] = MODELS.load(spec.name)
    card: ModelCard | None = MODELS.get(spec.name)
    if is_address(spec.name):
        return _own_model(spec, builder, classes, task)
    choices = card.options if card else choices_of(builder, without=_first_argument(builder))
    check_options(spec.name, spec.options, choices)
    weights = weights or weight_file(spec)
    options = {**implied_options(spec, weights, choices), **spec.options}
    model: Model = builder(classes, **options)
    fit_to_weights(model, spec, weights)
    return model


def _first_argument(builder: Callable[..., Any]) -> list[str]:
    """Name of the builder's first parameter, which takes the number of classes."""
    return list(inspect.signature(builder).parameters)[:1]


def _own_model(spec: ModelSpec, builder: Callable[..., Any], classes: int, task: TaskName) -> Model:
    """The model of an import path; members that a plain `nn.Module` lacks are added."""
    from cvbench.models.external import plain

    try:
        counted = plain.class_argument(builder)
    except (TypeError, ValueError):  # not callable, or a builtin without a signature
        raise _not_a_network(spec, builder) from None
    if not isinstance(builder, nn.Module):
        check_options(spec.name, spec.options, choices_of(builder, without=[counted] if counted else []))
    net = plain.build(builder, classes, spec.options)
    if all(hasattr(net, member) for member in _MEMBERS):
        if spec.preprocessing is not None:
            raise InputError(f"{spec.name} has a preprocessing of its own.\n  Leave `preprocessing:` out.")
        model: Model = net
        return model
    if not isinstance(net, nn.Module):
        raise _not_a_network(spec, net)
    return plain.adapted(spec.name, net, task, classes, spec.preprocessing)


def _not_a_network(spec: ModelSpec, found: object) -> InputError:
    return InputError(
        f"{spec.name}: this is a {type(found).__name__}, not a torch.nn.Module.\n"
        "  Name a class or a function that returns a network, such as my_models:MyNet."
    )


def refusal(model: str, option: str, value: object, *, wanted: str) -> InputError:
    """The error for an invalid option value; the caller raises it.

    >>> print(refusal("unet", "size", 100, wanted="a multiple of 16"))
    unet: size=100 cannot be used: it must be a multiple of 16.
      Show its options: cvbench show unet
    """
    return InputError(
        f"{model}: {option}={value!r} cannot be used: it must be {wanted}.\n"
        f"  Show its options: cvbench show {model}"
    )


def check_size(model: str, size: int, *, least: int, multiple: int = 1) -> None:
    """Raise InputError unless `size` pixels are at least `least` and a multiple of `multiple`."""
    if size < least or size % multiple:
        step = f"a multiple of {multiple}, " if multiple > 1 else ""
        raise refusal(model, "size", size, wanted=f"{step}at least {least}")


def check_width(model: str, width: float) -> None:
    """Raise InputError unless `width` is a positive, finite number."""
    if not (math.isfinite(width) and width > 0):
        raise refusal(model, "width", width, wanted="a number above 0")


def check_share(model: str, option: str, value: float) -> None:
    """Raise InputError unless `value` is between 0 and 1."""
    if not 0 <= value <= 1:
        raise refusal(model, option, value, wanted="between 0 and 1")


def choice(model: str, option: str, value: str, literal: Any) -> Any:
    """The value, if it is one of the Literal's; raises InputError otherwise."""
    if value not in get_args(literal):
        raise refusal(model, option, value, wanted=" or ".join(get_args(literal)))
    return value


def widened(channels: int, width: float) -> int:
    """`channels` times `width`, rounded to a multiple of 8 and at least 8; unchanged at width 1.

    Multiples of 8 keep every layer on the fast paths of vector units and tensor cores.
    >>> widened(64, 0.3), widened(16, 0.25), widened(255, 1.0)
    (16, 8, 255)
    """
    if width == 1:
        return channels
    return max(8, math.floor(channels * width / 8 + 0.5) * 8)
