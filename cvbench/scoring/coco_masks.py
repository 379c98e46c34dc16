"""The three forms in which COCO's files hold masks, as run lengths.

Polygons are drawn by pycocotools: what their edges cover is defined by nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from jaxtyping import Int64

from cvbench.metrics.run_lengths import RunLengths, parse
from cvbench.scoring.soundness import Side

FARTHEST = 1 << 20
"""Corners of polygons lie within so many pixels; drawing takes time and memory by their distance."""


class Runs(msgspec.Struct, gc=False):
    """Run lengths, as text (compressed) or as numbers."""

    size: tuple[int, int]
    """Height and width."""
    counts: str | list[int]


_UNFILLED = "run lengths that do not fill the image"

Segmentation: TypeAlias = Runs | list[list[float]]


def read_masks(
    segmentations: Sequence[Segmentation],
    height: Int64[np.ndarray, " n"],
    width: Int64[np.ndarray, " n"],
    side: Side,
) -> RunLengths:
    """The masks as runs, each for an image of its own size; unsound ones are among the mistakes.

    Nothing is read for images without pixels.
    """
    texts = []
    for i, (segmentation, h, w) in enumerate(
        zip(segmentations, height.tolist(), width.tolist(), strict=True)
    ):
        wrong = _mistake(segmentation, h, w) if h > 0 < w else None
        if wrong is not None:
            side.mistakes.add(side.file, wrong[0], f"{side.at(i)}: {wrong[1]}")
        texts.append(b"" if wrong is not None or h <= 0 or w <= 0 else _text(segmentation, h, w))
    starts = np.cumsum([0, *map(len, texts)])
    counts, run_starts = parse(np.frombuffer(b"".join(texts), np.uint8), starts)
    covered = np.diff(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])[run_starts])
    side.mistakes.add_where(
        side.file,
        _UNFILLED,
        (covered != height * width) & (np.diff(starts) > 0),
        lambda i: f"{side.at(i)}: {covered[i]} of {height[i] * width[i]} pixels",
    )
    return RunLengths(counts, run_starts, height, width)


def _mistake(segmentation: Segmentation, height: int, width: int) -> tuple[str, str] | None:
    """What is wrong with a segmentation, as kind and value."""
    if isinstance(segmentation, Runs):
        return _mistake_of_runs(segmentation, height, width)
    if not segmentation:
        return "a segmentation without a polygon", "[]"
    for polygon in segmentation:
        if len(polygon) < 6 or len(polygon) % 2:
            return "a polygon that is not three or more corners", f"{len(polygon)} numbers"
        if not all(-FARTHEST < number < FARTHEST for number in polygon):
            far = next(number for number in polygon if not -FARTHEST < number < FARTHEST)
            return "a corner of a polygon that is nowhere near the image", f"{far}"
    return None


def _mistake_of_runs(runs: Runs, height: int, width: int) -> tuple[str, str] | None:
    if runs.size != (height, width):
        return "run lengths of another size than the image", f"{runs.size} for {(height, width)}"
    if isinstance(runs.counts, str):
        if not runs.counts or not all("0" <= character <= "o" for character in set(runs.counts)):
            return "run lengths that are none", f"{runs.counts[:40]!r}"
    elif sum(runs.counts) != height * width or min(runs.counts) < 0:
        return _UNFILLED, f"{sum(runs.counts)} of {height * width} pixels"
    return None


def _text(segmentation: Segmentation, height: int, width: int) -> bytes:
    """A sound segmentation as the text of compressed run lengths."""
    if isinstance(segmentation, Runs) and isinstance(segmentation.counts, str):
        return segmentation.counts.encode("ascii")
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, Runs):
        runs = {"size": [height, width], "counts": segmentation.counts}
        return bytes(coco_mask.frPyObjects(runs, height, width)["counts"])
    return bytes(coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))["counts"])
