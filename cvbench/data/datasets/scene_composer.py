"""Scenes of garments: who lies where, over whom, drawn from a key and from nothing else.

The same key gives the same bytes on every machine and with every version of Python and NumPy: chance
comes from `random.Random(text).random()`, whose sequence Python promises to keep, and everything
behind it is integer arithmetic. A change that alters a scene raises `VERSION`.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, Int64, UInt8

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


VERSION: Final = 1
FEWEST, MOST = 2, 6
"""Garments in a scene."""

_TRIES = 24
"""Places that are tried for a garment before the scene goes without it."""
_SMALLEST, _LARGEST, _CANVAS = 44, 64, 128
"""A garment's frame is 44 to 64 pixels on a canvas of 128: a third to a half of its side."""
_DARKEST, _LIGHTEST, _SLOPE = 4, 36, 24
"""The background's level at its centre, and how much it may change over the canvas."""


class Scene(NamedTuple):
    """A composed picture: its pixels, who owns each of them, and what the owners are.

    The owner 0 is the background, k the k-th garment counted from 1; later ones lie above. Boxes
    (corners, half-open) and areas are those of the pixels that a garment owns: what is seen of it.
    """

    grey: UInt8[np.ndarray, "size size"]
    owners: UInt8[np.ndarray, "size size"]
    labels: UInt8[np.ndarray, " n"]
    boxes: Int64[np.ndarray, "n 4"]
    areas: Int64[np.ndarray, " n"]

    def masks(self) -> Bool[np.ndarray, "n size size"]:
        """The pixels of each garment."""
        return np.asarray(self.owners == np.arange(1, len(self.labels) + 1, dtype=np.uint8)[:, None, None])


class Chance:
    """Whole numbers drawn from a key."""

    def __init__(self, key: str) -> None:
        self._random = Random(key)  # noqa: S311  # pictures are not secrets

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return low + int(self._random.random() * (high - low + 1))


class Canvas:
    """A scene in the making, which knows how much of each garment is still to be seen."""

    def __init__(self, grey: UInt8[np.ndarray, "size size"], *, occlusion: float) -> None:
        self.grey = grey.copy()
        self.owners = np.zeros_like(grey)
        self.occlusion = occlusion
        self.labels: list[int] = []
        self._areas: list[int] = []
        self._seen: list[int] = []
        self._frames: list[tuple[int, int, int, int]] = []

    def put(self, piece: Piece, x: int, y: int) -> bool:
        """Lay a garment over the others with its upper left corner at (x, y).

        Nothing is laid, and the answer is False, where that would hide more than the share
        `occlusion` of a garment's own pixels, counting all that lie above it.
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
        """The picture as it is now."""
        boxes = [self._box(owner, *frame) for owner, frame in enumerate(self._frames, 1)]
        return Scene(
            self.grey,
            self.owners,
            np.array(self.labels, np.uint8),
            np.array(boxes, np.int64),
            np.array(self._seen, np.int64),
        )

    def _box(self, owner: int, left: int, top: int, right: int, bottom: int) -> tuple[int, int, int, int]:
        """The extent of what an owner has within the frame in which it was laid."""
        own = self.owners[top:bottom, left:right] == owner
        x, y = own.any(0).nonzero()[0].tolist(), own.any(1).nonzero()[0].tolist()
        return left + x[0], top + y[0], left + x[-1] + 1, top + y[-1] + 1


def compose(cutouts: Cutouts, *, key: str, size: int, occlusion: float) -> Scene:
    """The scene that `key` names: two to six garments on a canvas of `size` x `size` pixels.

    Each is drawn, scaled and mirrored by chance and lies wholly on the canvas. Where no place can be
    found for one, the scene does without it; if that left a single garment, the first two lie in
    opposite corners, where they do not meet.
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
    """A dark plane, slightly tilted."""
    level = chance.between(_DARKEST, _LIGHTEST)
    right, down = chance.between(-_SLOPE, _SLOPE), chance.between(-_SLOPE, _SLOPE)
    across = 2 * np.arange(size, dtype=np.int32) - size  # twice the distance from the centre
    tilt = (down * across[:, None] + right * across) // (2 * size)
    return np.asarray(np.maximum(level + tilt, 0), np.uint8)


def _draw_piece(chance: Chance, cutouts: Cutouts, size: int) -> Piece:
    index = chance.between(0, len(cutouts.labels) - 1)
    side = chance.between(_SMALLEST * size // _CANVAS, _LARGEST * size // _CANVAS)
    return scaled(cutouts, index, side=side, mirrored=chance.between(0, 1) == 1)
