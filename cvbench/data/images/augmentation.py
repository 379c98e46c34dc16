"""Augmentation of training images and their truth: position, scale, mirroring, color, elastic deformation.

Every image is resampled once: preprocessing and augmentation are one transform, so zooming into a large image
keeps its detail. The elastic deformation is the only extra resampling.

The random numbers of each image are seeded by (seed, epoch, index) and depend on nothing else: not on the
number of workers, nor on previous images.
"""

from __future__ import annotations

import math
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Shaped, UInt8
from torch import Tensor

from cvbench.data.images.color import recolored
from cvbench.data.images.geometry import Placement, clipped, crop, placement
from cvbench.spec.cell import Augment
from cvbench.values import VOID, ClassScores, Detections, LabelMap, Preprocessing, Truth

GRID = 3
"""Grid points of the displacement field per side; the first and last are at the corners."""


def displacements(
    size: tuple[int, int], *, deviation: float, generator: torch.Generator
) -> Float32[Tensor, "2 h w"]:
    """A random displacement field: offset of each pixel, down and right, in pixels.

    The coarse grid is interpolated by PyTorch's cubic convolution (Keys 1981, a = -0.75).
    """
    coarse = torch.randn(2, GRID, GRID, generator=generator) * deviation
    return F.interpolate(coarse[None], size=size, mode="bicubic", align_corners=True)[0]


def elastic(
    image: UInt8[Tensor, "3 h w"], field: Float32[Tensor, "2 h w"], fill: int
) -> UInt8[Tensor, "3 h w"]:
    """Resample an image along a displacement field, bilinearly; pixels from outside the canvas are `fill`."""
    (h, w), places = image.shape[1:], _places(field)
    span = torch.tensor([w, h]) / 2
    grid = (places.permute(1, 2, 0).flip(-1) + 0.5) / span - 1  # (x, y), with the canvas from -1 to 1
    seen = F.grid_sample(
        image[None].float(), grid[None], mode="bilinear", padding_mode="border", align_corners=False
    )[0]
    return seen.round_().to(torch.uint8).masked_fill_(~_inside(places), fill)


def elastic_truth(truth: Truth, field: Float32[Tensor, "2 h w"], *, least: float) -> Truth:
    """The truth after an elastic deformation.

    Label maps and masks use the nearest pixel; pixels from outside the canvas are VOID, and background in
    masks. A box becomes the bounding box of its displaced pixels. Objects that keep fewer pixels than the
    fraction `least` of their box are dropped. Areas are dropped, because they are unknown.
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
    """Source row and column of each pixel; 0 is the center of the first pixel."""
    h, w = field.shape[1:]
    rows, columns = torch.arange(h, dtype=torch.float32), torch.arange(w, dtype=torch.float32)
    return field + torch.stack(torch.meshgrid(rows, columns, indexing="ij"))


def _inside(places: Float32[Tensor, "2 h w"]) -> Bool[Tensor, "h w"]:
    """Whether the source of a pixel is on the canvas."""
    h, w = places.shape[1:]
    y, x = (places + 0.5).unbind()
    return (y >= 0) & (y < h) & (x >= 0) & (x < w)


def _looked_up(
    planes: Shaped[Tensor, "*channels h w"], places: Float32[Tensor, "2 h w"], fill: int
) -> Shaped[Tensor, "*channels h w"]:
    """Resample planes by nearest neighbor."""
    h, w = places.shape[1:]
    y, x = (places + 0.5).floor().long().unbind()
    return planes[..., y.clamp(0, h - 1), x.clamp(0, w - 1)].masked_fill(~_inside(places), fill)


def _box_pixels(boxes: Float[Tensor, "n 4"], places: Float32[Tensor, "2 h w"]) -> Bool[Tensor, "n h w"]:
    """Masks of the pixels whose source is in each box."""
    y, x = (places + 0.5).unbind()
    x1, y1, x2, y2 = boxes[:, :, None, None].unbind(1)
    return (x >= x1) & (x < x2) & (y >= y1) & (y < y2)


def _extents(masks: Bool[Tensor, "n h w"]) -> Shaped[Tensor, "n 4"]:
    """Bounding boxes of nonempty masks, in whole pixels."""
    sides = []
    for seen in (masks.any(1), masks.any(2)):  # columns, then rows
        length, first = seen.shape[1], seen.int().argmax(1)
        sides.append((first, length - seen.flip(1).int().argmax(1)))
    (left, right), (top, bottom) = sides
    return torch.stack([left, top, right, bottom], dim=1)


SMALLEST_SHARE = 0.25
"""Minimum fraction of an object's box on the canvas; objects with less are dropped."""


class Augmented(NamedTuple):
    """An image at the network's input size, and its truth in the same pixels."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth


def augment(
    image: UInt8[Tensor, "3 h w"],
    truth: Truth,
    recipe: Augment,
    preprocessing: Preprocessing,
    generator: torch.Generator,
) -> Augmented:
    """Preprocess and augment an image: random scale, translation, deformation, color and mirroring.

    Five random numbers are always drawn, so that disabling one part does not change the others; the numbers
    for color follow. Cropping and deformation have their own generators, seeded by the seed of `generator`.
    Boxes are clipped to the canvas. Objects with less than `SMALLEST_SHARE` of their box on the canvas are
    dropped, with or without masks, so a detector sees the same objects in both cases.
    """
    flip, zoom, down, right, stretch = torch.rand(5, generator=generator, dtype=torch.float64).tolist()
    source = (image.shape[1], image.shape[2])
    fitted = placement(source, preprocessing)
    if recipe.area is not None:
        draws = seeded_generator("cutting", generator.initial_seed())
        aspect = recipe.aspect or 1.0
        place = crop(source, fitted.canvas, area=recipe.area, aspect=aspect, generator=draws)
    else:
        place = _zoomed_and_shifted(
            fitted, recipe, zoom=zoom, stretch=2 * stretch - 1, shifts=(2 * down - 1, 2 * right - 1)
        )
    image = place.image(
        image, preprocessing.fill, preprocessing.interpolation, antialias=preprocessing.antialias
    )
    truth = place.truth(truth)
    if (place != fitted or preprocessing.resize == "crop") and isinstance(truth, Detections):
        truth = within(truth, place.canvas)
    if recipe.elastic is not None:
        draws = seeded_generator("bending", generator.initial_seed())
        field = displacements(place.canvas, deviation=recipe.elastic, generator=draws)
        image = elastic(image, field, preprocessing.fill)
        truth = elastic_truth(truth, field, least=SMALLEST_SHARE)
    image = recolored(image, recipe, generator)
    return mirrored(image, truth) if recipe.mirror and flip < 0.5 else Augmented(image, truth)


def mirrored(image: UInt8[Tensor, "3 h w"], truth: Truth) -> Augmented:
    """Mirror left-right: the box (x1, y1, x2, y2) becomes (w - x2, y1, w - x1, y2)."""
    return Augmented(image.flip(-1), _mirrored(truth, image.shape[2]))


def within(truth: Detections, canvas: tuple[int, int]) -> Detections:
    """The objects with enough of their box on the canvas; boxes are clipped to it.

    If anything was cut, areas are dropped, because the visible area is unknown.
    """
    boxes = clipped(truth.boxes, canvas)
    seen, whole = boxes.numpy(), truth.boxes.numpy()
    if np.array_equal(seen, whole):
        return truth
    remaining = _areas(seen)
    enough = (remaining > 0) & (remaining >= SMALLEST_SHARE * _areas(whole))
    if enough.all():
        return replace(truth, boxes=boxes, areas=None)
    kept = torch.from_numpy(enough)
    return Detections(
        boxes=boxes[kept],
        labels=truth.labels[kept],
        scores=truth.scores[kept],
        masks=None if truth.masks is None else truth.masks[kept],
        crowd=None if truth.crowd is None else truth.crowd[kept],
        difficult=None if truth.difficult is None else truth.difficult[kept],
    )


def _zoomed_and_shifted(
    fitted: Placement, recipe: Augment, *, zoom: float, stretch: float, shifts: tuple[float, float]
) -> Placement:
    """The placement of preprocessing, scaled about the canvas center and translated.

    `zoom` is in [0, 1], `stretch` and `shifts` are in [-1, 1].
    """
    low, high = recipe.scale
    scale = math.exp(math.log(low) + zoom * (math.log(high) - math.log(low)))
    wider = math.exp(stretch * math.log(recipe.aspect or 1.0) / 2)  # keeps the area
    factors = (scale / wider, scale * wider)
    if factors == (1, 1) and recipe.shift == 0:
        return fitted
    sizes, corners = [], []
    for length, start, canvas, shift, factor in zip(
        fitted.size, fitted.corner, fitted.canvas, shifts, factors, strict=True
    ):
        centre = canvas / 2
        sizes.append(max(1, round(length * factor)))
        corners.append(round(centre + (start - centre) * factor + shift * recipe.shift * canvas))
    return replace(fitted, size=(sizes[0], sizes[1]), corner=(corners[0], corners[1]))


def _mirrored(truth: Truth, width: int) -> Truth:
    if isinstance(truth, ClassScores):
        return truth
    if isinstance(truth, LabelMap):
        return LabelMap(truth.labels.flip(-1))
    boxes = truth.boxes.clone()
    corners = boxes.numpy()
    corners[:, 0::2] = width - corners[:, 2::-2]  # swap x1 and x2
    return replace(truth, boxes=boxes, masks=None if truth.masks is None else truth.masks.flip(-1))


def _areas(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    areas: np.ndarray = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas


def seed_of(purpose: str, *counters: int) -> int:
    """A seed below 2**63 from a purpose and counters, such as `seed_of("order", seed, epoch)`.

    Consecutive counters, and different purposes, give independent seeds.
    """
    name = ":".join((purpose, *map(str, counters)))
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big") >> 1


def seeded_generator(purpose: str, *counters: int) -> torch.Generator:
    """A CPU generator seeded with `seed_of`."""
    return torch.Generator().manual_seed(seed_of(purpose, *counters))
