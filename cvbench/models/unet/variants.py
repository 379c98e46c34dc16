"""The named variants, with checks of their options."""

from __future__ import annotations

import math
from typing import cast, get_args

from cvbench.models.building import check_size, check_width, refusal
from cvbench.models.unet.net import LossTerms, PaddedPair, PlainPair, Tiles, UNet, Upsampling
from cvbench.spec.cell import Option
from cvbench.values import VOID

_BORDER = 92
"""Pixels that the valid convolutions of `unet_original` remove on each side: half of 572 - 388."""


def unet(
    classes: int, *, size: int = 512, width: float = 1.0, dice: bool = False, upsampling: str = "transposed"
) -> UNet:
    """The padded U-Net with batch normalization; `classes` includes the background."""
    check_size("unet", size, least=16, multiple=16)
    check_width("unet", width)
    _check_classes("unet", classes)
    if upsampling not in get_args(Upsampling):
        raise refusal("unet", "upsampling", upsampling, wanted=" or ".join(get_args(Upsampling)))
    return UNet(
        PaddedPair,
        classes=classes,
        size=size,
        width=width,
        upsampling=cast("Upsampling", upsampling),
        loss=LossTerms(dice=dice),
    )


def unet_original(
    classes: int,
    *,
    size: int = 388,
    width: float = 1.0,
    tile: Option | None = None,
    boundary: float = 10.0,
    dice: bool = False,
) -> UNet:
    """The published U-Net; `size` is the size of the labeled output, `classes` includes the background.

    With `tile`, an image is labeled in tiles of that many labeled pixels per side, except in training.
    """
    # The four poolings divide evenly only for 16 b + 4 labeled pixels, and a border of 92 can be mirrored
    # only from an image of more than 92 pixels.
    if size < 100 or size % 16 != 4:
        raise refusal("unet_original", "size", size, wanted="100, 116, 132 … 388, 404 …: 16 b + 4")
    check_width("unet_original", width)
    _check_classes("unet_original", classes)
    if not (math.isfinite(boundary) and boundary >= 0):
        raise refusal("unet_original", "boundary", boundary, wanted="0 or more")
    return UNet(
        PlainPair,
        classes=classes,
        size=size,
        width=width,
        tiles=Tiles(_BORDER, _tile(tile, size)),
        dropout=0.5,
        loss=LossTerms(boundary=boundary, dice=dice),
    )


def _tile(side: Option | None, size: int) -> int | None:
    """The side of a tile in pixels; raises InputError for an invalid one."""
    if side is None:
        return None
    if not isinstance(side, int) or isinstance(side, bool) or side % 16 != 4 or not 20 <= side <= size:
        raise refusal("unet_original", "tile", side, wanted=f"20, 36, 52 … up to {size}: 16 b + 4")
    return side


def _check_classes(model: str, classes: int) -> None:
    if classes > VOID:
        raise refusal(model, "classes", classes, wanted=f"{VOID} or fewer: a label map has 8 bits per pixel")
