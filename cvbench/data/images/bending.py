"""Elastic deformation: an image bent smoothly at random, its truth along with it.

U-Net: Convolutional Networks for Biomedical Image Segmentation (Ronneberger, Fischer, Brox 2015), section
3.1: "random displacement vectors on a coarse 3 by 3 grid", normal, of 10 pixels' standard deviation, with
"bicubic interpolation" between.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Shaped, UInt8
from torch import Tensor

from cvbench.values import VOID, ClassScores, Detections, LabelMap, Truth

GRID = 3
"""Displacements are drawn at so many places along each side, the first and the last at the corners."""


def displacements(
    size: tuple[int, int], *, deviation: float, generator: torch.Generator
) -> Float32[Tensor, "2 h w"]:
    """How far each pixel of a canvas looks down and to the right, in pixels.

    Between the places of the coarse grid runs the cubic convolution of PyTorch (Keys 1981, a = -0.75).
    """
    coarse = torch.randn(2, GRID, GRID, generator=generator) * deviation
    return F.interpolate(coarse[None], size=size, mode="bicubic", align_corners=True)[0]


def bent(image: UInt8[Tensor, "3 h w"], field: Float32[Tensor, "2 h w"], fill: int) -> UInt8[Tensor, "3 h w"]:
    """Each pixel takes what lies where the field sends it, bilinear between pixels.

    One that is sent beyond the canvas is `fill`.
    """
    (h, w), places = image.shape[1:], _places(field)
    span = torch.tensor([w, h]) / 2
    grid = (places.permute(1, 2, 0).flip(-1) + 0.5) / span - 1  # x before y, the canvas from -1 to 1
    seen = F.grid_sample(
        image[None].float(), grid[None], mode="bilinear", padding_mode="border", align_corners=False
    )[0]
    return seen.round_().to(torch.uint8).masked_fill_(~_inside(places), fill)


def bent_truth(truth: Truth, field: Float32[Tensor, "2 h w"], *, least: float) -> Truth:
    """The truth of a bent image, from one that lies on the canvas.

    Label maps and masks take the nearest pixel; what comes from beyond the canvas is VOID, and no object. A
    box becomes the smallest one around all pixels that it went to, so what it holds may fill it less. An
    object that keeps fewer pixels than the share `least` of its box is no longer part of the truth. Areas
    are left out: how much of an object was stretched, and how much lost, is not known.
    """
    if isinstance(truth, ClassScores):
        return truth
    places = _places(field)
    if isinstance(truth, LabelMap):
        return LabelMap(_looked_up(truth.labels, places, VOID))
    within = _box_pixels(truth.boxes, places)
    count = within.sum(dim=(1, 2))
    kept = (count > 0) & (count >= least * (truth.boxes[:, 2:] - truth.boxes[:, :2]).prod(dim=1))
    return Detections(
        boxes=_extents(within[kept]).to(truth.boxes.dtype),
        labels=truth.labels[kept],
        scores=truth.scores[kept],
        masks=None if truth.masks is None else _looked_up(truth.masks[kept], places, 0),
        crowd=None if truth.crowd is None else truth.crowd[kept],
        difficult=None if truth.difficult is None else truth.difficult[kept],
    )


def _places(field: Float32[Tensor, "2 h w"]) -> Float32[Tensor, "2 h w"]:
    """The row and the column that each pixel looks at; 0 is the middle of the first pixel."""
    h, w = field.shape[1:]
    rows, columns = torch.arange(h, dtype=torch.float32), torch.arange(w, dtype=torch.float32)
    return field + torch.stack(torch.meshgrid(rows, columns, indexing="ij"))


def _inside(places: Float32[Tensor, "2 h w"]) -> Bool[Tensor, "h w"]:
    """Whether a pixel looks at the canvas."""
    h, w = places.shape[1:]
    y, x = (places + 0.5).unbind()
    return (y >= 0) & (y < h) & (x >= 0) & (x < w)


def _looked_up(
    planes: Shaped[Tensor, "*channels h w"], places: Float32[Tensor, "2 h w"], fill: int
) -> Shaped[Tensor, "*channels h w"]:
    """Each pixel takes the one whose area holds the place it looks at."""
    h, w = places.shape[1:]
    y, x = (places + 0.5).floor().long().unbind()
    return planes[..., y.clamp(0, h - 1), x.clamp(0, w - 1)].masked_fill(~_inside(places), fill)


def _box_pixels(boxes: Float[Tensor, "n 4"], places: Float32[Tensor, "2 h w"]) -> Bool[Tensor, "n h w"]:
    """Which pixels look into each box."""
    y, x = (places + 0.5).unbind()
    x1, y1, x2, y2 = boxes[:, :, None, None].unbind(1)
    return (x >= x1) & (x < x2) & (y >= y1) & (y < y2)


def _extents(masks: Bool[Tensor, "n h w"]) -> Shaped[Tensor, "n 4"]:
    """The smallest box around each mask that is not empty; corners are whole pixels."""
    sides = []
    for seen in (masks.any(1), masks.any(2)):  # columns, then rows
        length, first = seen.shape[1], seen.int().argmax(1)
        sides.append((first, length - seen.flip(1).int().argmax(1)))
    (left, right), (top, bottom) = sides
    return torch.stack([left, top, right, bottom], dim=1)
