"""A part of the image in place of the whole: the crops that GoogLeNet was trained on, and most nets since."""

from __future__ import annotations

import math
from typing import Final

import torch

from cvbench.data.images.geometry import Placement

_TRIES: Final = 10
"""Parts are drawn until one lies within the image, so often at most; so torchvision does it."""


def cut(
    source: tuple[int, int],
    canvas: tuple[int, int],
    *,
    area: tuple[float, float],
    aspect: float,
    generator: torch.Generator,
) -> Placement:
    """A part of an image of height and width `source`, resized so that it fills the canvas.

    Its share of the image's area is drawn evenly from the range `area`, its place evenly among all. Resized
    to the canvas it is stretched, one side against the other, by a factor up to `aspect`, drawn evenly by
    its logarithm. Where no part drawn lies within the image, it is the largest one in the middle that may
    be stretched so far.

    Source: Going Deeper with Convolutions (Szegedy et al. 2014), section 6: 8 to 100 % of the area and
    aspects of 3/4 to 4/3, on square inputs.
    """
    (h, w), most = source, math.log(aspect)
    natural = canvas[1] / canvas[0]
    draws = torch.rand(_TRIES, 4, generator=generator, dtype=torch.float64).tolist()
    for share, stretch, down, right in draws:
        pixels = h * w * (area[0] + share * (area[1] - area[0]))
        ratio = natural * math.exp((2 * stretch - 1) * most)  # of width to height
        height, width = math.sqrt(pixels / ratio), math.sqrt(pixels * ratio)
        if height <= h and width <= w:
            return _filling(source, canvas, part=(height, width), place=(down, right))
    ratio = min(max(w / h, natural / aspect), natural * aspect)
    part = (min(h, w / ratio), min(w, h * ratio))
    return _filling(source, canvas, part=part, place=(0.5, 0.5))


def _filling(
    source: tuple[int, int],
    canvas: tuple[int, int],
    *,
    part: tuple[float, float],
    place: tuple[float, float],
) -> Placement:
    """The image resized so that `part` of it fills the canvas; `place` 0 is its first end, 1 its last."""
    sizes = [max(c, round(s * c / p)) for s, c, p in zip(source, canvas, part, strict=True)]
    corners = [-round((size - c) * at) for size, c, at in zip(sizes, canvas, place, strict=True)]
    return Placement(source, (sizes[0], sizes[1]), (corners[0], corners[1]), canvas)
