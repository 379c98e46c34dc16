"""What a training image goes through: moved, scaled, mirrored and recoloured, its truth along with it.

Every image is resampled once: fitting and augmenting are one placement, so zooming into a large
photograph shows detail that its fitted form has lost already. Only bending takes a second time.

Each image has draws of its own, seeded by (seed, epoch, index). They depend on nothing else: neither
on the number of worker processes nor on which images came before.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from cvbench.data.images import seeding
from cvbench.data.images.bending import bent, bent_truth, displacements
from cvbench.data.images.color import coloured
from cvbench.data.images.crop import cut
from cvbench.data.images.geometry import Placement, clipped, placement
from cvbench.spec.cell import Augment
from cvbench.values import ClassScores, Detections, LabelMap, Preprocessing, Truth

SMALLEST_SHARE = 0.25
"""Of an object's box must remain on the canvas, or the object is no longer part of the truth."""


class Augmented(NamedTuple):
    """An image at the size a network takes, and its truth in the same pixels."""

    image: UInt8[Tensor, "3 h w"]
    truth: Truth


def augment(
    image: UInt8[Tensor, "3 h w"],
    truth: Truth,
    recipe: Augment,
    preprocessing: Preprocessing,
    generator: torch.Generator,
) -> Augmented:
    """The image fitted, resized by drawn factors about the centre, moved, bent, recoloured, perhaps mirrored.

    Five numbers are drawn whatever the recipe asks for, so that switching one part off leaves the
    others' draws alone; those of colours come behind them; cutting and bending have generators of their
    own, which the seed of `generator` decides. Boxes are clipped to the canvas. Of objects
    that are cut, those with less than `SMALLEST_SHARE` of their box are dropped, masks or no masks: a
    detector sees the same objects whether masks are carried along or not.
    """
    flip, zoom, down, right, stretch = torch.rand(5, generator=generator, dtype=torch.float64).tolist()
    source = (image.shape[1], image.shape[2])
    fitted = placement(source, preprocessing)
    if recipe.area is not None:
        draws = seeding.generator("cutting", generator.initial_seed())
        aspect = recipe.aspect or 1.0
        place = cut(source, fitted.canvas, area=recipe.area, aspect=aspect, generator=draws)
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
        draws = seeding.generator("bending", generator.initial_seed())
        field = displacements(place.canvas, deviation=recipe.elastic, generator=draws)
        image = bent(image, field, preprocessing.fill)
        truth = bent_truth(truth, field, least=SMALLEST_SHARE)
    image = coloured(image, recipe, generator)
    return mirrored(image, truth) if recipe.mirror and flip < 0.5 else Augmented(image, truth)


def mirrored(image: UInt8[Tensor, "3 h w"], truth: Truth) -> Augmented:
    """Left and right exchanged: the box (x1, y1, x2, y2) becomes (w - x2, y1, w - x1, y2)."""
    return Augmented(image.flip(-1), _mirrored(truth, image.shape[2]))


def within(truth: Detections, canvas: tuple[int, int]) -> Detections:
    """The objects of which enough lies on the canvas, their boxes clipped to it.

    Areas are left out where anything was cut: how much of an object's own area shows is not known.
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
    """The fitted placement, resized about the canvas's centre and moved.

    `zoom` lies within 0 and 1, `stretch` and `shifts` within -1 and 1.
    """
    low, high = recipe.scale
    scale = math.exp(math.log(low) + zoom * (math.log(high) - math.log(low)))
    wider = math.exp(stretch * math.log(recipe.aspect or 1.0) / 2)  # the area stays
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
    corners[:, 0::2] = width - corners[:, 2::-2]  # x1 and x2 change places
    return replace(truth, boxes=boxes, masks=None if truth.masks is None else truth.masks.flip(-1))


def _areas(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    areas: np.ndarray = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas
