"""Preprocessing geometry: from an image to the network's input, and from predictions back to the image.

A `Placement` is the transform: resize the whole image, and place it on a canvas with its corner at a whole
pixel. Coordinates are edges, not pixel centers: an edge at x moves to x * new / old, so a box around the
whole image stays a box around the whole image.

Images are resized with antialiasing in uint8, as in torchvision and Pillow; masks and label maps use the
nearest pixel. Boxes are transformed with NumPy in host memory, because a torch call costs several times as
much.
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
    """An image at the network's input size, its truth, and the transform of both."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth | None
    placement: Placement


@dataclass(frozen=True)
class Placement:
    """Resize an image of size `source` to `size`, and place it on a canvas at `corner`.

    Pairs are (vertical, horizontal). The corner may be negative and the resized image larger than the canvas;
    parts outside are cropped.
    """

    source: tuple[int, int]
    size: tuple[int, int]
    corner: tuple[int, int]
    canvas: tuple[int, int]

    @property
    def is_identity(self) -> bool:
        """Whether the transform is the identity."""
        return self.source == self.size == self.canvas and self.corner == (0, 0)

    def image(
        self,
        image: UInt8[Tensor, "3 h w"],
        fill: int,
        interpolation: str = "bilinear",
        *,
        antialias: bool = True,
    ) -> UInt8[Tensor, "3 y x"]:
        """The canvas with the image, padded with `fill`; the image itself if nothing moves."""
        if self.is_identity:
            return image
        if self.size != self.source:
            image = _resized(image, self.size, interpolation, antialias=antialias)
        return self._laid(image[:, *self._shown], fill)

    def truth(self, truth: Truth) -> Truth:
        """The truth in canvas pixels, not clipped, with no object dropped; padding is VOID.

        Areas scale with the image; for cropped objects they are still the areas of the whole objects.
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
        """Map predictions on the canvas back to pixels of the original image, in host memory.

        Boxes are clipped to the image; a box outside the image stays in the list with area 0. Raises
        ValueError if the canvas does not contain the whole image.
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
        """The visible rows and columns of the resized image."""
        rows, columns = map(_shown, self.size, self.corner, self.canvas)
        return rows, columns

    def _resampled(
        self, planes: Shaped[Tensor, "*channels h w"], fill: int
    ) -> Shaped[Tensor, "*channels y x"]:
        """Masks or a label map on the canvas; resamples only the visible part."""
        return self._laid(_nearest(planes, self.size, self._shown), fill)

    def _laid(self, shown: Shaped[Tensor, "*channels h w"], fill: int) -> Shaped[Tensor, "*channels y x"]:
        """The canvas with the visible part of the resized image."""
        if shown.shape[-2:] == self.canvas:
            return shown
        canvas = shown.new_full((*shown.shape[:-2], *self.canvas), fill)
        (top, left), (height, width) = (max(0, c) for c in self.corner), shown.shape[-2:]
        canvas[..., top : top + height, left : left + width] = shown
        return canvas


def fit(image: UInt8[Tensor, "3 h w"], truth: Truth | None, preprocessing: Preprocessing) -> Fitted:
    """The image at the input size, with its truth, if any, in pixels of that size.

    An image that already has this size is returned without a copy.
    """
    place = placement((image.shape[1], image.shape[2]), preprocessing)
    moved = None if truth is None else place.truth(truth)
    fitted = place.image(
        image, preprocessing.fill, preprocessing.interpolation, antialias=preprocessing.antialias
    )
    return Fitted(fitted, moved, place)


def placement(source: tuple[int, int], preprocessing: Preprocessing) -> Placement:
    """The placement of an image of height and width `source` in the network's input.

    Crops are rounded as in torchvision and timm: the longer side down, an offset of half a pixel to even.
    Scaled images are rounded as in torchvision's detectors.
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
    """Place the scaled image at the upper left of the smallest canvas that contains it.

    With `longer`, sides are multiplied by a float and rounded down, so that 800 may become 799, as in
    torchvision's `GeneralizedRCNNTransform`.
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
    """Boxes clipped to an image of this height and width; a box outside has area 0."""
    (h, w), corners = size, boxes.numpy()
    bounds = np.array([w, h, w, h], corners.dtype)
    return torch.from_numpy(np.minimum(np.maximum(corners, 0), bounds))


def _resized(
    image: UInt8[Tensor, "3 h w"], size: tuple[int, int], interpolation: str, *, antialias: bool
) -> UInt8[Tensor, "3 y x"]:
    """Resize an image; the darknet method is `resize_image` in its `src/image.c`."""
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
    """The visible part of planes resized to `size`, by nearest neighbor."""
    if planes.shape[-2:] == size:
        return planes[..., *shown]
    for axis, new, part in zip((-2, -1), size, shown, strict=True):
        old, (first, last, _) = planes.shape[axis], part.indices(new)
        centres = 2 * torch.arange(first, last, device=planes.device) + 1  # in half pixels
        planes = planes.index_select(axis, centres * old // (2 * new))
    return planes


def _shown(length: int, start: int, canvas: int) -> slice:
    """The part of a span of `length` at `start` that is on the canvas; may be empty."""
    first = min(max(0, -start), length)
    return slice(first, max(first, min(length, canvas - start)))


_TRIES: Final = 10
"""Maximum number of random crops to try until one fits into the image, as in torchvision."""


def crop(
    source: tuple[int, int],
    canvas: tuple[int, int],
    *,
    area: tuple[float, float],
    aspect: float,
    generator: torch.Generator,
) -> Placement:
    """Random resized crop: a part of an image of height and width `source` that fills the canvas.

    Its fraction of the image area is uniform in `area`, its position is uniform, and its aspect ratio differs
    from the canvas's by a log-uniform factor up to `aspect`. If no random crop fits into the image, the
    largest valid center crop is used.

    Source: Going Deeper with Convolutions (Szegedy et al. 2014), section 6: 8 to 100 % of the area and
    aspects of 3/4 to 4/3, on square inputs.
    """
    (h, w), most = source, math.log(aspect)
    natural = canvas[1] / canvas[0]
    draws = torch.rand(_TRIES, 4, generator=generator, dtype=torch.float64).tolist()
    for share, stretch, down, right in draws:
        pixels = h * w * (area[0] + share * (area[1] - area[0]))
        ratio = natural * math.exp((2 * stretch - 1) * most)  # width / height
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
    """The placement in which `part` fills the canvas; `place` is its position, from 0 (start) to 1 (end)."""
    sizes = [max(c, round(s * c / p)) for s, c, p in zip(source, canvas, part, strict=True)]
    corners = [-round((size - c) * at) for size, c, at in zip(sizes, canvas, place, strict=True)]
    return Placement(source, (sizes[0], sizes[1]), (corners[0], corners[1]), canvas)
