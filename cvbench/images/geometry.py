"""How an image comes into a network's input, and how a prediction finds its way back.

Everything that changes where a pixel lies is a `Placement`: the image is resized as a whole and laid
on a canvas, its corner at a whole pixel. Resizing moves edges, not pixel centres: an edge at x comes
to lie at x * new / old, so a box around the whole image stays a box around the whole image.

Images are resized bilinearly with antialiasing in uint8, as torchvision and Pillow do; masks and
label maps take the nearest pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

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

    def image(self, image: UInt8[Tensor, "3 h w"], fill: int) -> UInt8[Tensor, "3 y x"]:
        """The canvas with the image on it and `fill` around it; the image itself where nothing moves."""
        if self.size != self.source:
            image = F.interpolate(image[None], size=self.size, mode="bilinear", antialias=True)[0]
        return self._laid(image, fill)

    def truth(self, truth: Truth) -> Truth:
        """The truth in pixels of the canvas, nothing clipped or dropped yet; the canvas around is VOID.

        Areas grow with the image; where it is cut they still are those of the whole objects.
        """
        if self.is_identity or isinstance(truth, ClassScores):
            return truth
        if isinstance(truth, LabelMap):
            return LabelMap(self._laid(_nearest(truth.labels, self.size), VOID))
        (h, w), (height, width), (top, left) = self.source, self.size, self.corner
        return replace(
            truth,
            boxes=_moved(truth.boxes, (height / h, width / w), (top, left)),
            masks=None if truth.masks is None else self._laid(_nearest(truth.masks, self.size), 0),
            areas=None if truth.areas is None else truth.areas * (height / h * width / w),
        )

    def restore(self, prediction: Prediction) -> Prediction:
        """What was predicted on the canvas, in pixels of the image as it was read.

        Boxes are clipped to the image; one that lay wholly beside it keeps its place in the list and
        has no area. Raises ValueError where the canvas does not show the whole image.
        """
        if self.is_identity or isinstance(prediction, ClassScores):
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

    def _laid(self, planes: Shaped[Tensor, "*channels h w"], fill: int) -> Shaped[Tensor, "*channels y x"]:
        """The already resized planes on the canvas."""
        if self.corner == (0, 0) and self.size == self.canvas:
            return planes
        spans = [_overlap(*axis) for axis in zip(self.size, self.corner, self.canvas, strict=True)]
        (rows, rows_from), (columns, columns_from) = spans
        if (rows.stop - rows.start, columns.stop - columns.start) == self.canvas:
            return planes[..., rows_from, columns_from]
        canvas = planes.new_full((*planes.shape[:-2], *self.canvas), fill)
        canvas[..., rows, columns] = planes[..., rows_from, columns_from]
        return canvas


def fit(image: UInt8[Tensor, "3 h w"], truth: Truth | None, preprocessing: Preprocessing) -> Fitted:
    """The image at the prepared size, with its truth, if it has one, in pixels of that size.

    An image that has the size already is handed on as it is, without a copy.
    """
    place = placement((image.shape[1], image.shape[2]), preprocessing)
    moved = None if truth is None else place.truth(truth)
    return Fitted(place.image(image, preprocessing.fill), moved, place)


def placement(source: tuple[int, int], preprocessing: Preprocessing) -> Placement:
    """Where an image of height and width `source` comes to lie in the prepared input."""
    canvas = preprocessing.size
    if preprocessing.resize == "stretch":
        return Placement(source, canvas, (0, 0), canvas)
    scale = min(canvas[0] / source[0], canvas[1] / source[1])
    height, width = (max(1, min(c, round(s * scale))) for s, c in zip(source, canvas, strict=True))
    return Placement(source, (height, width), ((canvas[0] - height) // 2, (canvas[1] - width) // 2), canvas)


def clipped(boxes: Float[Tensor, "n 4"], size: tuple[int, int]) -> Float[Tensor, "n 4"]:
    """The boxes' parts within an image of this height and width; a box beside it keeps no area."""
    h, w = size
    return boxes.clamp_min(0).minimum(boxes.new_tensor([w, h, w, h]))


def _moved(
    boxes: Float[Tensor, "n 4"], scale: tuple[float, float], shift: tuple[float, float]
) -> Float[Tensor, "n 4"]:
    (sy, sx), (ty, tx) = scale, shift
    factors, offsets = boxes.new_tensor([[sx, sy, sx, sy], [tx, ty, tx, ty]]).unbind()
    return boxes * factors + offsets


def _nearest(
    planes: Shaped[Tensor, "*channels h w"], size: tuple[int, int]
) -> Shaped[Tensor, "*channels y x"]:
    """Each new pixel takes the old one that its centre lies in."""
    if planes.shape[-2:] == size:
        return planes
    for axis, new in ((-2, size[0]), (-1, size[1])):
        old = planes.shape[axis]
        centres = torch.arange(1, 2 * new, 2, device=planes.device)  # in half pixels
        planes = planes.index_select(axis, centres * old // (2 * new))
    return planes


def _overlap(length: int, start: int, canvas: int) -> tuple[slice, slice]:
    """Where a span of `length` at `start` shows on the canvas, and which part of it that is."""
    first = min(max(0, start), canvas)
    last = max(first, min(canvas, start + length))
    return slice(first, last), slice(first - start, last - start)
