"""What the builders share: the errors of unusable options, and the width multiplier."""

from __future__ import annotations

import math
from typing import Any, get_args

from cvbench.errors import InputError


def refusal(model: str, option: str, value: object, *, wanted: str) -> InputError:
    """The error for an option's value that a builder cannot use, ready to be raised.

    >>> print(refusal("unet", "size", 100, wanted="a multiple of 16"))
    unet: size=100 cannot be used: it must be a multiple of 16.
      See what it takes: cvbench show unet
    """
    return InputError(
        f"{model}: {option}={value!r} cannot be used: it must be {wanted}.\n"
        f"  See what it takes: cvbench show {model}"
    )


def check_size(model: str, size: int, *, least: int, multiple: int = 1) -> None:
    """Raise InputError unless `size` pixels are enough for the net and divide as it needs."""
    if size < least or size % multiple:
        step = f"a multiple of {multiple}, " if multiple > 1 else ""
        raise refusal(model, "size", size, wanted=f"{step}at least {least}")


def check_width(model: str, width: float) -> None:
    """Raise InputError unless `width` is a positive, finite number."""
    if not (math.isfinite(width) and width > 0):
        raise refusal(model, "width", width, wanted="a number above 0")


def check_share(model: str, option: str, value: float) -> None:
    """Raise InputError unless `value` lies between 0 and 1."""
    if not 0 <= value <= 1:
        raise refusal(model, option, value, wanted="between 0 and 1")


def choice(model: str, option: str, value: str, literal: Any) -> Any:
    """The value, which is one of those of a Literal; raises InputError for another one."""
    if value not in get_args(literal):
        raise refusal(model, option, value, wanted=" or ".join(get_args(literal)))
    return value


def widened(channels: int, width: float) -> int:
    """`channels` times `width`, as the nearest multiple of 8 and at least 8; unchanged at width 1.

    Multiples of 8 keep every layer on the fast paths of vector units and tensor cores.

    >>> widened(64, 0.3), widened(16, 0.25), widened(255, 1.0)
    (16, 8, 255)
    """
    if width == 1:
        return channels
    return max(8, math.floor(channels * width / 8 + 0.5) * 8)
