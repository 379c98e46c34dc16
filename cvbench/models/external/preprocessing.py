"""Preprocessing of library models, and the suite options that override it.

Only the given options change; the rest stays as the weights define it, and the record stores the whole.
Combinations without meaning are rejected: a shorter side without a crop or scale, a fill without a
letterbox, and a crop for detection and segmentation, which need the whole image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from torch import Tensor, nn

from cvbench.errors import InputError
from cvbench.models.building import refusal
from cvbench.values import Preprocessing

OF_WHOLE_IMAGES: Final = ("stretch", "letterbox", "crop")
"""Ways to resize for classification: a crop is allowed, and all images have one size."""
OF_THEIR_PARTS: Final = ("stretch", "letterbox", "scale")
"""Ways to resize for detection and segmentation, which need the whole image."""
OF_ONE_SIZE: Final = ("stretch", "letterbox")
"""Ways to resize for a model that needs the whole image at one size."""
_FILTERS: Final = ("bilinear", "bicubic")


def with_options(
    title: str, own: Preprocessing, given: Mapping[str, Any], *, ways: Sequence[str]
) -> Preprocessing:
    """`own`, with the suite's options in `given` applied; None leaves a value unchanged.

    `ways` are the `resize` values that the task supports. Raises InputError, with the option, for a value
    that is invalid or has no effect.
    """
    chosen = {option: value for option, value in given.items() if value is not None}
    if not chosen:
        return own
    resize = chosen.get("resize", own.resize)
    if resize not in ways:
        raise refusal(title, "resize", resize, wanted=f"one of {', '.join(ways)}")
    of_a_side = resize in ("crop", "scale")
    changes: dict[str, Any] = {"resize": resize, "shorter": None, "longer": None, "multiple": 1}
    if of_a_side and resize == own.resize:
        changes = {}
    if of_a_side:
        changes["shorter"] = _shorter(title, own, resize, chosen.get("shorter"))
    elif "shorter" in chosen:
        raise refusal(title, "shorter", chosen["shorter"], wanted="left out: it belongs to a crop or a scale")
    if "longer" in chosen:
        if resize != "scale":
            raise refusal(title, "longer", chosen["longer"], wanted="left out: it belongs to a scale")
        changes["longer"] = _pixels(title, "longer", chosen["longer"], least=changes["shorter"])
    if "fill" in chosen:
        if resize != "letterbox":
            raise refusal(title, "fill", chosen["fill"], wanted="left out: only a letterbox has bars to fill")
        changes["fill"] = _gray(title, chosen["fill"])
    return replace(own, **changes, **_values(title, chosen))


def _values(title: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that do not concern geometry."""
    changes: dict[str, Any] = {}
    if "interpolation" in chosen:
        if chosen["interpolation"] not in _FILTERS:
            raise refusal(
                title, "interpolation", chosen["interpolation"], wanted=f"one of {', '.join(_FILTERS)}"
            )
        changes["interpolation"] = chosen["interpolation"]
    if "antialias" in chosen:
        if not isinstance(chosen["antialias"], bool):
            raise refusal(title, "antialias", chosen["antialias"], wanted="true or false")
        changes["antialias"] = chosen["antialias"]
    if "mean" in chosen:
        wanted = "three numbers from 0 to 1; divide a mean of 0 to 255 by 255"
        changes["mean"] = _three(title, "mean", chosen["mean"], wanted, least=0.0)
    if "std" in chosen:
        wanted = "three numbers above 0 and at most 1; divide a standard deviation of 0 to 255 by 255"
        changes["std"] = _three(title, "std", chosen["std"], wanted, least=math.ulp(0.0))
    return changes


def _shorter(title: str, own: Preprocessing, resize: str, given: object) -> int:
    if given is None:
        if own.resize == resize:
            assert own.shorter is not None
            return own.shorter
        raise InputError(
            f"{title}: resize='{resize}' needs `shorter`, the pixels of the shorter side, and the weights "
            f"define none.\n  Add shorter: {max(own.size)}, or more, to the options."
        )
    return _pixels(title, "shorter", given, least=max(own.size) if resize == "crop" else 1)


def _pixels(title: str, option: str, value: object, *, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise refusal(title, option, value, wanted=f"a number of pixels, at least {least}")
    return value


def _gray(title: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 255:
        raise refusal(title, "fill", value, wanted="a gray level, 0 to 255")
    return value


def _three(title: str, option: str, value: object, wanted: str, *, least: float) -> tuple[float, ...]:
    numbers = value if isinstance(value, list | tuple) else ()
    sound = all(isinstance(x, int | float) and not isinstance(x, bool) and least <= x <= 1 for x in numbers)
    if len(numbers) != 3 or not sound:
        raise refusal(title, option, value, wanted=wanted)
    return tuple(float(x) for x in numbers)


def with_members(
    net: nn.Module,
    preprocessing: Preprocessing,
    *,
    loss: Callable[[Any, Sequence[Any]], dict[str, Tensor]],
    decode: Callable[[Any], list[Any]],
) -> Any:
    """The network, with the members that its task's protocol requires."""
    members: Any = net
    members.preprocessing, members.loss, members.decode = preprocessing, loss, decode
    return members


def side_of(model: str, size: object) -> int | None:
    """The option `size` in pixels, or None; raises InputError unless it is a positive integer."""
    if size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0):
        return size
    raise InputError(f"{model}: size={size!r} cannot be used: it must be a number of pixels, such as 224.")


_GRAY = 114
"""Mean of ImageNet's images, so close to 0 after normalization; torchvision pads with 0 there."""


PYRAMID = Preprocessing((800, 1066), "scale", fill=_GRAY, shorter=800, longer=1333, antialias=False)
"""Default of torchvision's FPN detectors."""


def of_classifier(title: str, preset: Any, side: int | None) -> Preprocessing:
    """The preprocessing of a classifier's weights; with another `side`, the shorter side is scaled too."""
    (shorter,), (crop,) = preset.resize_size, preset.crop_size
    if side is not None:
        crop, shorter = side, round(shorter * side / crop)
    return Preprocessing(
        (crop, crop),
        "crop",
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        shorter=shorter,
        interpolation=_interpolation(title, preset),
        antialias=preset.antialias,
    )


def of_segmenter(title: str, preset: Any) -> Preprocessing:
    """The preprocessing of a segmenter's weights: resizes the shorter side and keeps the aspect ratio."""
    (shorter,) = preset.resize_size
    return Preprocessing(
        (shorter, _wide(shorter)),
        "scale",
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        shorter=shorter,
        interpolation=_interpolation(title, preset),
        antialias=preset.antialias,
    )


def of_detector(transform: Any) -> Preprocessing:
    """The preprocessing of a detector, whose `GeneralizedRCNNTransform` itself normalizes and pads."""
    if transform.fixed_size is not None:
        width, height = transform.fixed_size
        return Preprocessing((height, width), antialias=False)
    shorter, longer = transform.min_size[-1], transform.max_size
    return Preprocessing(
        (shorter, min(longer, _wide(shorter))),
        "scale",
        fill=_GRAY,
        shorter=shorter,
        longer=longer,
        antialias=False,
    )


def with_geometry(own: Preprocessing, theirs: Preprocessing, *, multiple: int) -> Preprocessing:
    """`theirs` with `own`'s normalization: for a cvbench model with torchvision's weights."""
    return replace(
        theirs,
        mean=own.mean,
        std=own.std,
        fill=own.fill,
        multiple=multiple if theirs.resize == "scale" else 1,
    )


def _interpolation(title: str, preset: Any) -> Any:
    if preset.interpolation.value not in ("bilinear", "bicubic"):
        raise InputError(
            f"{title}: {preset.interpolation} is not supported, only bilinear and bicubic interpolation."
        )
    return preset.interpolation.value


def _wide(shorter: int) -> int:
    """The longer side at an aspect ratio of 4 : 3, the most common one in COCO and VOC."""
    return shorter * 4 // 3
