"""Scenes of garments: who lies where, over whom, drawn from a key and from nothing else.

The same key gives the same bytes on every machine and with every version of Python and NumPy: chance
comes from `random.Random(text).random()`, whose sequence Python promises to keep, and everything
behind it is integer arithmetic. A change that alters a scene raises `VERSION`.
"""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from cvbench.data.datasets.cutouts import Cutouts, Piece, scaled

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
