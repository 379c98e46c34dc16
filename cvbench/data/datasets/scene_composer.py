"""Compose scenes of garments: random positions and layers, determined only by a key.

The same key gives the same bytes on every machine and with every version of Python and NumPy: random numbers
come from `random.Random(text).random()`, whose sequence Python guarantees, and all other arithmetic uses
integers. A change that alters a scene increments `VERSION`.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, Int64, UInt8

HALO: Final = 8
SMALLEST: Final = 32
"""Minimum number of nonzero pixels of a photograph; all official photographs have more."""

_ONE = 1 << 8
"""Denominator of interpolation weights, per direction."""
_HALF = _ONE * _ONE // 2


class Cutouts(NamedTuple):
    """Garments without background: their pixels (0 outside), and their masks."""

    grey: UInt8[np.ndarray, "n 28 28"]
    solid: Bool[np.ndarray, "n 28 28"]
    labels: UInt8[np.ndarray, " n"]


class Piece(NamedTuple):
    """One garment at its final size, cropped to its extent; at least one pixel is solid."""

    grey: UInt8[np.ndarray, "h w"]
    solid: Bool[np.ndarray, "h w"]
    label: int


def cut_out(images: UInt8[np.ndarray, "n 28 28"], labels: UInt8[np.ndarray, " n"]) -> Cutouts:
    """The garments of all photographs with enough pixels."""
    solid = fill_holes(without_lone_pixels(images > HALO))
    shown = solid.sum((1, 2)) >= SMALLEST
    return Cutouts((images * solid)[shown], solid[shown], labels[shown])


def without_lone_pixels(masks: Bool[np.ndarray, "n h w"]) -> Bool[np.ndarray, "n h w"]:
    """The masks without isolated pixels (no neighbor of eight is set)."""
    framed = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    rows = framed[:, :-2] | framed[:, 2:]  # above or below
    beside = framed[:, 1:-1, :-2] | framed[:, 1:-1, 2:]
    return np.asarray(masks & (beside | rows[:, :, :-2] | rows[:, :, 1:-1] | rows[:, :, 2:]))


def fill_holes(masks: Bool[np.ndarray, "n h w"]) -> Bool[np.ndarray, "n h w"]:
    """The masks with holes filled (4-connected background)."""
    framed = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    free = np.ascontiguousarray(~framed.transpose(1, 2, 0))  # a line of all masks is contiguous
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
    """Propagate reached pixels from line to line through free pixels, in place."""
    for line in range(1, len(reached)):
        reached[line] |= reached[line - 1] & free[line]


def scaled(cutouts: Cutouts, index: int, *, side: int, mirrored: bool) -> Piece:
    """Resize one garment from its frame of 28 x 28 to `side` x `side` pixels.

    Bilinear over the garment's own pixels only, so that its edge does not darken; pixels that it covers by
    half or more are solid. Uses integers, so the bytes are equal on every machine.
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
    """Weight of `high`, in units of 1 / `_ONE`."""


@lru_cache(maxsize=64)  # a canvas has some thirty sides; computing one costs as much as using it
def _taps(source: int, side: int) -> _Taps:
    """For each of `side` pixels, the two of `source` around its center."""
    twice = 2 * np.arange(side, dtype=np.int32) + 1  # centers in half pixels
    centres = ((twice * source * _ONE // side - _ONE) // 2).clip(0, (source - 1) * _ONE)
    low = centres // _ONE
    return _Taps(low, np.minimum(low + 1, source - 1), centres % _ONE)


VERSION: Final = 1
FEWEST, MOST = 2, 6
"""Garments in a scene."""

_TRIES = 24
"""Maximum number of positions to try for a garment before it is left out."""
_SMALLEST, _LARGEST, _CANVAS = 44, 64, 128
"""Side of a garment's frame on a canvas of 128 pixels: 44 to 64, a third to a half of it."""
_DARKEST, _LIGHTEST, _SLOPE = 4, 36, 24
"""The background's level at its center, and its maximum change over the canvas."""


class Scene(NamedTuple):
    """A composed scene: its pixels, the owner of each pixel, and the garments.

    Owner 0 is the background, k the k-th garment from 1; later garments are on top. Boxes (half-open corners)
    and areas are for the visible pixels of a garment.
    """

    grey: UInt8[np.ndarray, "size size"]
    owners: UInt8[np.ndarray, "size size"]
    labels: UInt8[np.ndarray, " n"]
    boxes: Int64[np.ndarray, "n 4"]
    areas: Int64[np.ndarray, " n"]

    def masks(self) -> Bool[np.ndarray, "n size size"]:
        """The visible pixels of each garment."""
        return np.asarray(self.owners == np.arange(1, len(self.labels) + 1, dtype=np.uint8)[:, None, None])


class Chance:
    """Random integers from a key."""

    def __init__(self, key: str) -> None:
        self._random = Random(key)  # noqa: S311  # pictures are not secrets

    def between(self, low: int, high: int) -> int:
        """A random integer from `low` to `high`, inclusive."""
        return low + int(self._random.random() * (high - low + 1))


class Canvas:
    """An unfinished scene, with the visible area of each garment."""

    def __init__(self, grey: UInt8[np.ndarray, "size size"], *, occlusion: float) -> None:
        self.grey = grey.copy()
        self.owners = np.zeros_like(grey)
        self.occlusion = occlusion
        self.labels: list[int] = []
        self._areas: list[int] = []
        self._seen: list[int] = []
        self._frames: list[tuple[int, int, int, int]] = []

    def put(self, piece: Piece, x: int, y: int) -> bool:
        """Place a garment on top, with its upper left corner at (x, y); returns whether it was placed.

        It is not placed if that would hide more than the fraction `occlusion` of another garment, with all
        garments on top of that counted.
        """
        height, width = piece.solid.shape
        window = np.s_[y : y + height, x : x + width]
        covered = np.bincount(self.owners[window][piece.solid], minlength=len(self.labels) + 1)[1:].tolist()
        seen = [before - lost for before, lost in zip(self._seen, covered, strict=True)]
        for area, left in zip(self._areas, seen, strict=True):
            if area - left > self.occlusion * area:
                return False
        self.labels.append(piece.label)
        np.copyto(self.grey[window], piece.grey, where=piece.solid)
        np.copyto(self.owners[window], len(self.labels), where=piece.solid, casting="unsafe")
        self._frames.append((x, y, x + width, y + height))
        self._areas.append(int(piece.solid.sum()))
        self._seen = [*seen, self._areas[-1]]
        return True

    def scene(self) -> Scene:
        """The current scene."""
        boxes = [self._box(owner, *frame) for owner, frame in enumerate(self._frames, 1)]
        return Scene(
            self.grey,
            self.owners,
            np.array(self.labels, np.uint8),
            np.array(boxes, np.int64),
            np.array(self._seen, np.int64),
        )

    def _box(self, owner: int, left: int, top: int, right: int, bottom: int) -> tuple[int, int, int, int]:
        """The extent of an owner's visible pixels within its frame."""
        own = self.owners[top:bottom, left:right] == owner
        x, y = own.any(0).nonzero()[0].tolist(), own.any(1).nonzero()[0].tolist()
        return left + x[0], top + y[0], left + x[-1] + 1, top + y[-1] + 1


def compose(cutouts: Cutouts, *, key: str, size: int, occlusion: float) -> Scene:
    """Compose the scene of a key: two to six garments on a canvas of `size` x `size` pixels.

    Each garment is selected, scaled and mirrored at random, and fully on the canvas. A garment without a
    valid position is left out; if only one would remain, the first two are placed in opposite corners, where
    they do not overlap.
    """
    chance = Chance(key)
    ground = _background(chance, size)
    canvas = Canvas(ground, occlusion=occlusion)
    pieces = []
    for _ in range(chance.between(FEWEST, MOST)):
        piece = _draw_piece(chance, cutouts, size)
        pieces.append(piece)
        height, width = piece.solid.shape
        for _ in range(_TRIES):
            if canvas.put(piece, chance.between(0, size - width), chance.between(0, size - height)):
                break
    if len(canvas.labels) < FEWEST:
        canvas = Canvas(ground, occlusion=occlusion)
        last_height, last_width = pieces[1].solid.shape
        canvas.put(pieces[0], 0, 0)
        canvas.put(pieces[1], size - last_width, size - last_height)
    return canvas.scene()


def _background(chance: Chance, size: int) -> UInt8[np.ndarray, "size size"]:
    """A dark background with a slight linear gradient."""
    level = chance.between(_DARKEST, _LIGHTEST)
    right, down = chance.between(-_SLOPE, _SLOPE), chance.between(-_SLOPE, _SLOPE)
    across = 2 * np.arange(size, dtype=np.int32) - size  # twice the distance from the center
    tilt = (down * across[:, None] + right * across) // (2 * size)
    return np.asarray(np.maximum(level + tilt, 0), np.uint8)


def _draw_piece(chance: Chance, cutouts: Cutouts, size: int) -> Piece:
    index = chance.between(0, len(cutouts.labels) - 1)
    side = chance.between(_SMALLEST * size // _CANVAS, _LARGEST * size // _CANVAS)
    return scaled(cutouts, index, side=side, mirrored=chance.between(0, 1) == 1)
