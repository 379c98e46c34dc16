"""Garments cut out of their photographs, and scaled with integers only.

A garment is where its photograph is brighter than `HALO`, without lone pixels, with its holes
filled. Fainter pixels are what resampling to 28 x 28 left around the garments: they cannot be seen,
yet would widen a box. A pixel that is dark but enclosed belongs to the garment, since the official
images are negatives of products on white: white prints are black there, and so are gaps between straps.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, UInt8

HALO: Final = 8
SMALLEST: Final = 32
"""Pixels that a photograph has to show to be used; every official one shows more."""

_ONE = 1 << 8
"""Weights of the interpolation are so many parts of one, in each direction."""
_HALF = _ONE * _ONE // 2


class Cutouts(NamedTuple):
    """Garments on nothing: their pixels, 0 outside, and where they are."""

    grey: UInt8[np.ndarray, "n 28 28"]
    solid: Bool[np.ndarray, "n 28 28"]
    labels: UInt8[np.ndarray, " n"]


class Piece(NamedTuple):
    """One garment at its final size, cropped to its extent: at least one pixel is solid."""

    grey: UInt8[np.ndarray, "h w"]
    solid: Bool[np.ndarray, "h w"]
    label: int


def cut_out(images: UInt8[np.ndarray, "n 28 28"], labels: UInt8[np.ndarray, " n"]) -> Cutouts:
    """The garments of all photographs that show one."""
    solid = fill_holes(without_lone_pixels(images > HALO))
    shown = solid.sum((1, 2)) >= SMALLEST
    return Cutouts((images * solid)[shown], solid[shown], labels[shown])


def without_lone_pixels(masks: Bool[np.ndarray, "n h w"]) -> Bool[np.ndarray, "n h w"]:
    """The masks without those pixels none of whose eight neighbours is set."""
    framed = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    rows = framed[:, :-2] | framed[:, 2:]  # above or below
    beside = framed[:, 1:-1, :-2] | framed[:, 1:-1, 2:]
    return np.asarray(masks & (beside | rows[:, :, :-2] | rows[:, :, 1:-1] | rows[:, :, 2:]))


def fill_holes(masks: Bool[np.ndarray, "n h w"]) -> Bool[np.ndarray, "n h w"]:
    """The masks with everything set that cannot be left over edges without crossing them."""
    framed = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    free = np.ascontiguousarray(~framed.transpose(1, 2, 0))  # a line of all masks lies in one piece
    outside = np.zeros_like(free)
    outside[0] = True
    before = 0
    while (reached := int(np.count_nonzero(outside))) > before:
        before = reached
        for lines, bounds in ((outside, free), (outside.swapaxes(0, 1), free.swapaxes(0, 1))):
            _sweep(lines, bounds)
            _sweep(lines[::-1], bounds[::-1])
    return np.ascontiguousarray(~outside[1:-1, 1:-1].transpose(2, 0, 1))


def _sweep(reached: Bool[np.ndarray, "lines across n"], free: Bool[np.ndarray, "lines across n"]) -> None:
    """Carry what is reached from line to line as far as it is free, in place."""
    for line in range(1, len(reached)):
        reached[line] |= reached[line - 1] & free[line]


def scaled(cutouts: Cutouts, index: int, *, side: int, mirrored: bool) -> Piece:
    """One garment with its frame of 28 x 28 brought to `side` x `side` pixels.

    Bilinear between pixel centres, over the garment's own pixels alone, so that its rim does not
    darken; solid is what the garment covers by half or more. All in integers: the same bytes on
    every machine.
    """
    planes = np.array((cutouts.grey[index], cutouts.solid[index]), np.int32)
    if mirrored:
        planes = planes[:, :, ::-1]
    low, high, weight = _taps(planes.shape[1], side)
    rest = _ONE - weight
    tall = planes[:, low] * rest[:, None] + planes[:, high] * weight[:, None]
    light, cover = tall[:, :, low] * rest + tall[:, :, high] * weight  # at most 255 * 2**16
    covered = cover >= min(_HALF, int(cover.max()))
    rows, columns = covered.any(1).nonzero()[0], covered.any(0).nonzero()[0]
    extent = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    light, cover, covered = light[extent], cover[extent], covered[extent]
    grey = (light + cover // 2) // np.maximum(cover, 1)
    return Piece(grey.astype(np.uint8), covered, int(cutouts.labels[index]))


class _Taps(NamedTuple):
    low: Int32[np.ndarray, " side"]
    high: Int32[np.ndarray, " side"]
    weight: Int32[np.ndarray, " side"]
    """Of `high`, in parts of `_ONE`."""


@lru_cache(maxsize=64)  # a canvas knows some thirty sides; working them out costs as much as using them
def _taps(source: int, side: int) -> _Taps:
    """For each of `side` pixels the two of `source` between which its centre lies."""
    twice = 2 * np.arange(side, dtype=np.int32) + 1  # centres in half pixels
    centres = ((twice * source * _ONE // side - _ONE) // 2).clip(0, (source - 1) * _ONE)
    low = centres // _ONE
    return _Taps(low, np.minimum(low + 1, source - 1), centres % _ONE)
