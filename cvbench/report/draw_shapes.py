"""A picture of the shapes of boxes, and of those that stand for them."""

from __future__ import annotations

import math
from typing import Final

import torch
from jaxtyping import Float, Int64
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from cvbench.report.palette import RGB, colour

_SIDE: Final = 640
"""Of the plot, in pixels."""
_LEFT, _TOP, _BELOW, _RIGHT = 56, 16, 40, 24
_PAPER: Final[RGB] = (255, 255, 255)
_INK: Final[RGB] = (24, 26, 31)
_GRID: Final[RGB] = (228, 230, 234)
_TICKS: Final = 5
_POINTS: Final = 20_000
"""No more boxes than this are drawn; beyond, every so many-th."""


def draw_shapes(
    shapes: Float[Tensor, "n 2"], priors: Float[Tensor, "k 2"], nearest: Int64[Tensor, " n"]
) -> Image.Image:
    """Each shape (width, height) as a point in the colour of its prior; each prior as a frame.

    All begin in one corner, so a point is where the opposite corner of a box lies.
    """
    most = max(float(shapes.max()) if len(shapes) else 0.0, float(priors.max()))
    step = _round_step(most / _TICKS)
    scale = _SIDE / (step * math.ceil(most / step))
    picture = Image.new("RGB", (_LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BELOW), _PAPER)
    pen = ImageDraw.Draw(picture)
    _axes(pen, step, scale)
    every = max(1, math.ceil(len(shapes) / _POINTS))
    points = (shapes[::every] * scale).tolist()
    for (w, h), prior in zip(points, nearest[::every].tolist(), strict=True):
        x, y = _LEFT + w, _TOP + _SIDE - h
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour(prior))
    font = ImageFont.load_default(13)
    for number, (w, h) in enumerate((priors * scale).tolist()):
        x, y = _LEFT + w, _TOP + _SIDE - h
        pen.rectangle((_LEFT, y, x, _TOP + _SIDE), outline=_INK, width=3)
        pen.rectangle((_LEFT + 1, y + 1, x - 1, _TOP + _SIDE - 1), outline=colour(number), width=1)
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour(number), outline=_INK)
        width, height = priors[number].tolist()
        pen.text((x - 6, y + 5), f"{width:.0f} x {height:.0f}", _INK, font, anchor="rt")
    return picture


def _axes(pen: ImageDraw.ImageDraw, step: float, scale: float) -> None:
    """Lines at round numbers of pixels, width to the right and height upwards."""
    font = ImageFont.load_default(12)
    bottom = _TOP + _SIDE
    for tick in torch.arange(0, _SIDE / scale + step / 2, step).tolist():
        x, y = _LEFT + tick * scale, bottom - tick * scale
        pen.line((x, _TOP, x, bottom), _GRID)
        pen.line((_LEFT, y, _LEFT + _SIDE, y), _GRID)
        pen.text((x, bottom + 4), f"{tick:g}", _INK, font, anchor="mt")
        pen.text((_LEFT - 6, y), f"{tick:g}", _INK, font, anchor="rm")
    pen.text((_LEFT + _SIDE, bottom + 22), "width, pixels", _INK, font, anchor="rt")
    pen.text((_LEFT + 6, _TOP + 4), "height, pixels", _INK, font, anchor="lt")


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `least`.

    >>> _round_step(0.3), _round_step(23), _round_step(5)
    (0.5, 50.0, 5.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
