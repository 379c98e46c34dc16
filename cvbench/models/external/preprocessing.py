"""How images come in, where a suite asks for it otherwise than the weights of a library were scored with.

Only what is said changes; all else stays as the weights have it, and the record carries the whole. What
makes no sense together is refused: a shorter side without a crop, bars without a letterbox, a crop of what
is to be found in the whole image.
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
"""What suits a class for the whole image: it may be cut, and all come at one size."""
OF_THEIR_PARTS: Final = ("stretch", "letterbox", "scale")
"""What suits objects and pixels, which have to be found wherever they are."""
OF_ONE_SIZE: Final = ("stretch", "letterbox")
"""What suits those of whom all images have to have one size."""
_FILTERS: Final = ("bilinear", "bicubic")


def with_options(
    title: str, own: Preprocessing, said: Mapping[str, Any], *, ways: Sequence[str]
) -> Preprocessing:
    """`own`, with what a suite's options say; those that are None say nothing.

    `ways` are the kinds of resizing that suit the task. Raises InputError, with the option, for a value
    that cannot be used or that nothing would come of.
    """
    told = {option: value for option, value in said.items() if value is not None}
    if not told:
        return own
    resize = told.get("resize", own.resize)
    if resize not in ways:
        raise refusal(title, "resize", resize, wanted=f"one of {', '.join(ways)}")
    of_a_side = resize in ("crop", "scale")
    changes: dict[str, Any] = {"resize": resize, "shorter": None, "longer": None, "multiple": 1}
    if of_a_side and resize == own.resize:
        changes = {}
    if of_a_side:
        changes["shorter"] = _shorter(title, own, resize, told.get("shorter"))
    elif "shorter" in told:
        raise refusal(title, "shorter", told["shorter"], wanted="left out: it belongs to a crop or a scale")
    if "longer" in told:
        if resize != "scale":
            raise refusal(title, "longer", told["longer"], wanted="left out: it belongs to a scale")
        changes["longer"] = _pixels(title, "longer", told["longer"], least=changes["shorter"])
    if "fill" in told:
        if resize != "letterbox":
            raise refusal(title, "fill", told["fill"], wanted="left out: only a letterbox has bars to fill")
        changes["fill"] = _grey(title, told["fill"])
    return replace(own, **changes, **_values(title, told))


def _values(title: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """What says nothing of where pixels lie."""
    changes: dict[str, Any] = {}
    if "interpolation" in told:
        if told["interpolation"] not in _FILTERS:
            raise refusal(
                title, "interpolation", told["interpolation"], wanted=f"one of {', '.join(_FILTERS)}"
            )
        changes["interpolation"] = told["interpolation"]
    if "antialias" in told:
        if not isinstance(told["antialias"], bool):
            raise refusal(title, "antialias", told["antialias"], wanted="true or false")
        changes["antialias"] = told["antialias"]
    if "mean" in told:
        wanted = "three numbers from 0 to 1, as values are; divide those of bytes by 255"
        changes["mean"] = _three(title, "mean", told["mean"], wanted, least=0.0)
    if "std" in told:
        wanted = "three numbers above 0 and up to 1; divide those of bytes by 255"
        changes["std"] = _three(title, "std", told["std"], wanted, least=math.ulp(0.0))
    return changes


def _shorter(title: str, own: Preprocessing, resize: str, said: object) -> int:
    if said is None:
        if own.resize == resize:
            assert own.shorter is not None
            return own.shorter
        raise InputError(
            f"{title}: resize='{resize}' needs `shorter`, the pixels of the shorter side, and its weights "
            f"tell none.\n  Add shorter: {max(own.size)} to the options, or more."
        )
    return _pixels(title, "shorter", said, least=max(own.size) if resize == "crop" else 1)


def _pixels(title: str, option: str, value: object, *, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise refusal(title, option, value, wanted=f"a number of pixels, at least {least}")
    return value


def _grey(title: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 255:
        raise refusal(title, "fill", value, wanted="a level of grey, 0 to 255")
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
    """The network, which now keeps its task's protocol."""
    members: Any = net
    members.preprocessing, members.loss, members.decode = preprocessing, loss, decode
    return members


def side_of(model: str, size: object) -> int | None:
    """The option `size`, if it is given; raises InputError for what is no number of pixels."""
    if size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0):
        return size
    raise InputError(f"{model}: size={size!r} cannot be used: it must be a number of pixels, such as 224.")


_GREY = 114
"""The mean of ImageNet's images; what it leaves after normalisation is near zero, torchvision's filling."""


PYRAMID = Preprocessing((800, 1066), "scale", fill=_GREY, shorter=800, longer=1333, antialias=False)
"""What torchvision's detectors on a pyramid do by default."""


def of_classifier(title: str, preset: Any, side: int | None) -> Preprocessing:
    """That of a classifier's weights; with another `side`, the shorter side grows or shrinks along."""
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
    """That of a segmenter's weights: the shorter side is resized, and each image keeps its aspect."""
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
    """That of a detector, from its `GeneralizedRCNNTransform`, which normalises and fills up by itself."""
    if transform.fixed_size is not None:
        width, height = transform.fixed_size
        return Preprocessing((height, width), antialias=False)
    shorter, longer = transform.min_size[-1], transform.max_size
    return Preprocessing(
        (shorter, min(longer, _wide(shorter))),
        "scale",
        fill=_GREY,
        shorter=shorter,
        longer=longer,
        antialias=False,
    )


def with_geometry(own: Preprocessing, theirs: Preprocessing, *, multiple: int) -> Preprocessing:
    """Our net's normalisation, and where torchvision's puts the pixels: for a net that takes its weights."""
    return replace(
        theirs,
        mean=own.mean,
        std=own.std,
        fill=own.fill,
        multiple=multiple if theirs.resize == "scale" else 1,
    )


def _interpolation(title: str, preset: Any) -> Any:
    if preset.interpolation.value not in ("bilinear", "bicubic"):
        raise InputError(f"{title}: it resizes images by {preset.interpolation}, which is not supported.")
    return preset.interpolation.value


def _wide(shorter: int) -> int:
    """The longer side of an image of 4 : 3, which most photographs in COCO and VOC are."""
    return shorter * 4 // 3
