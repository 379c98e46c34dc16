"""How an image comes into a network's input, and how a prediction finds its way back.

Everything that changes where a pixel lies is a `Placement`: the image is resized as a whole and laid
on a canvas, its corner at a whole pixel. Resizing moves edges, not pixel centres: an edge at x comes
to lie at x * new / old, so a box around the whole image stays a box around the whole image.

Images are resized with antialiasing in uint8, as torchvision and Pillow do; masks and label maps take
the nearest pixel. Boxes are few and lie in host memory: NumPy moves them, because a
call of torch costs several times one of NumPy's and this is done for every image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor

from cvbench.values import VOID, ClassScores, LabelMap, Prediction, Preprocessing, Truth


class Fitted(NamedTuple):
    """An image at the size a network takes, its truth moved along, and how both came there."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth | None
    placement: Placement


@dataclass(frozen=True)
class Placement:
    """An image of size `source`, resized to `size` and laid on a canvas at `corner`.

    Pairs are (vertical, horizontal). The corner may be negative and the resized image larger than
    the canvas: what lies outside is cut off.
    """

    source: tuple[int, int]
    size: tuple[int, int]
    corner: tuple[int, int]
    canvas: tuple[int, int]

    @property
    def is_identity(self) -> bool:
        """Whether nothing moves at all."""
        return self.source == self.size == self.canvas and self.corner == (0, 0)

    def image(
        self,
        image: UInt8[Tensor, "3 h w"],
        fill: int,
        interpolation: str = "bilinear",
        *,
        antialias: bool = True,
    ) -> UInt8[Tensor, "3 y x"]:
        """The canvas with the image on it and `fill` around it; the image itself where nothing moves."""
        if self.is_identity:
            return image
        if self.size != self.source:
            image = _resized(image, self.size, interpolation, antialias=antialias)
        return self._laid(image[:, *self._shown], fill)

    def truth(self, truth: Truth) -> Truth:
        """The truth in pixels of the canvas, nothing clipped or dropped yet; the canvas around is VOID.

        Areas grow with the image; where it is cut they still are those of the whole objects.
        """
        if self.is_identity or isinstance(truth, ClassScores):
            return truth
        if isinstance(truth, LabelMap):
            return LabelMap(self._resampled(truth.labels, VOID))
        (h, w), (height, width), (top, left) = self.source, self.size, self.corner
        return replace(
            truth,
            boxes=_moved(truth.boxes, (height / h, width / w), (top, left)),
            masks=None if truth.masks is None else self._resampled(truth.masks, 0),
            areas=None if truth.areas is None else truth.areas * (height / h * width / w),
        )

    def restore(self, prediction: Prediction) -> Prediction:
        """What was predicted on the canvas, in pixels of the image as it was read, all in host memory.

        Boxes are clipped to the image; one that lay wholly beside it keeps its place in the list and
        has no area. Raises ValueError where the canvas does not show the whole image.
        """
        if isinstance(prediction, ClassScores) or (self.is_identity and isinstance(prediction, LabelMap)):
            return prediction
        (h, w), (height, width), (top, left) = self.source, self.size, self.corner
        if top < 0 or left < 0 or top + height > self.canvas[0] or left + width > self.canvas[1]:
            raise ValueError(f"an image that was cut cannot be restored: {self}")
        rows, columns = slice(top, top + height), slice(left, left + width)
        if isinstance(prediction, LabelMap):
            return LabelMap(_nearest(prediction.labels[rows, columns], self.source))
        boxes = _moved(prediction.boxes, (h / height, w / width), (-top * h / height, -left * w / width))
        masks = prediction.masks
        return replace(
            prediction,
            boxes=clipped(boxes, self.source),
            masks=None if masks is None else _nearest(masks[:, rows, columns], self.source),
            areas=None if prediction.areas is None else prediction.areas * (h / height * w / width),
        )

    @property
    def _shown(self) -> tuple[slice, slice]:
        """The rows and the columns of the resized image that the canvas shows."""
        rows, columns = map(_shown, self.size, self.corner, self.canvas)
        return rows, columns

    def _resampled(
        self, planes: Shaped[Tensor, "*channels h w"], fill: int
    ) -> Shaped[Tensor, "*channels y x"]:
        """Masks or a label map on the canvas; only the pixels that show are looked up."""
        return self._laid(_nearest(planes, self.size, self._shown), fill)

    def _laid(self, shown: Shaped[Tensor, "*channels h w"], fill: int) -> Shaped[Tensor, "*channels y x"]:
        """The canvas, with what shows of the resized image where it belongs."""
        if shown.shape[-2:] == self.canvas:
            return shown
        canvas = shown.new_full((*shown.shape[:-2], *self.canvas), fill)
        (top, left), (height, width) = (max(0, c) for c in self.corner), shown.shape[-2:]
        canvas[..., top : top + height, left : left + width] = shown
        return canvas


def fit(image: UInt8[Tensor, "3 h w"], truth: Truth | None, preprocessing: Preprocessing) -> Fitted:
    """The image at the prepared size, with its truth, if it has one, in pixels of that size.

    An image that has the size already is handed on as it is, without a copy.
    """
    place = placement((image.shape[1], image.shape[2]), preprocessing)
    moved = None if truth is None else place.truth(truth)
    fitted = place.image(
        image, preprocessing.fill, preprocessing.interpolation, antialias=preprocessing.antialias
    )
    return Fitted(fitted, moved, place)


def placement(source: tuple[int, int], preprocessing: Preprocessing) -> Placement:
    """Where an image of height and width `source` comes to lie in the prepared input.

    A crop's numbers are torchvision's and timm's: the longer side is rounded down, and half a pixel
    beside the middle to the even one. A scaled image's are those of torchvision's detectors.
    """
    canvas = preprocessing.size
    if preprocessing.resize == "scale":
        return _scaled(source, preprocessing)
    if preprocessing.resize == "stretch":
        return Placement(source, canvas, (0, 0), canvas)
    if preprocessing.shorter is not None:
        height, width = (max(1, preprocessing.shorter * side // min(source)) for side in source)
        corner = (-round((height - canvas[0]) / 2), -round((width - canvas[1]) / 2))
        return Placement(source, (height, width), corner, canvas)
    if preprocessing.interpolation == "darknet":
        height = min(canvas[0], max(1, source[0] * canvas[1] // source[1]))
        width = min(canvas[1], max(1, source[1] * canvas[0] // source[0]))
    else:
        scale = min(canvas[0] / source[0], canvas[1] / source[1])
        height, width = (max(1, min(c, round(s * scale))) for s, c in zip(source, canvas, strict=True))
    return Placement(source, (height, width), ((canvas[0] - height) // 2, (canvas[1] - width) // 2), canvas)


def _scaled(source: tuple[int, int], preprocessing: Preprocessing) -> Placement:
    """At the upper left of the smallest canvas that holds it.

    With a `longer`, sides are rounded down after they were multiplied with a float, so that one that was
    to become 800 may become 799: so it is in torchvision's `GeneralizedRCNNTransform`.
    """
    shorter, longer, multiple = preprocessing.shorter, preprocessing.longer, preprocessing.multiple
    assert shorter is not None
    if longer is None:
        height, width = (max(1, shorter * side // min(source)) for side in source)
    else:
        factor = min(shorter / min(source), longer / max(source))
        height, width = (max(1, int(side * factor)) for side in source)
    canvas = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
    return Placement(source, (height, width), (0, 0), canvas)


def clipped(boxes: Float[Tensor, "n 4"], size: tuple[int, int]) -> Float[Tensor, "n 4"]:
    """The boxes' parts within an image of this height and width; a box beside it keeps no area."""
    (h, w), corners = size, boxes.numpy()
    bounds = np.array([w, h, w, h], corners.dtype)
    return torch.from_numpy(np.minimum(np.maximum(corners, 0), bounds))


def _resized(
    image: UInt8[Tensor, "3 h w"], size: tuple[int, int], interpolation: str, *, antialias: bool
) -> UInt8[Tensor, "3 y x"]:
    """The image at `size`; darknet's way is that of its `resize_image` in `src/image.c`."""
    if interpolation != "darknet":
        return F.interpolate(image[None], size=size, mode=interpolation, antialias=antialias)[0]
    resized = F.interpolate(image[None].float(), size=size, mode="bilinear", align_corners=True)[0]
    return resized.round_().to(torch.uint8)


def _moved(
    boxes: Float[Tensor, "n 4"], scale: tuple[float, float], shift: tuple[float, float]
) -> Float[Tensor, "n 4"]:
    (sy, sx), (ty, tx), corners = scale, shift, boxes.numpy()
    factors = np.array([sx, sy, sx, sy], corners.dtype)
    return torch.from_numpy(corners * factors + np.array([tx, ty, tx, ty], corners.dtype))


def _nearest(
    planes: Shaped[Tensor, "*channels h w"],
    size: tuple[int, int],
    shown: tuple[slice, slice] = (slice(None), slice(None)),
) -> Shaped[Tensor, "*channels y x"]:
    """The shown part of the planes at `size`: each new pixel takes the old one its centre lies in."""
    if planes.shape[-2:] == size:
        return planes[..., *shown]
    for axis, new, part in zip((-2, -1), size, shown, strict=True):
        old, (first, last, _) = planes.shape[axis], part.indices(new)
        centres = 2 * torch.arange(first, last, device=planes.device) + 1  # in half pixels
        planes = planes.index_select(axis, centres * old // (2 * new))
    return planes


def _shown(length: int, start: int, canvas: int) -> slice:
    """Which part of a span of `length` at `start` lies on the canvas; empty where none does."""
    first = min(max(0, -start), length)
    return slice(first, max(first, min(length, canvas - start)))


_TRIES: Final = 10
"""Parts are drawn until one lies within the image, so often at most; so torchvision does it."""


def crop(
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
