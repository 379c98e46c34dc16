"""The three forms in which COCO's files hold the mask of an object: polygons, and two kinds of run lengths.

Polygons are drawn by pycocotools: what their edges cover is defined by nothing else.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

FARTHEST = 1 << 20
"""Corners of polygons lie within so many pixels; drawing takes time and memory by their distance."""

UNFILLED = "run lengths that do not fill the image"


class Runs(msgspec.Struct, gc=False):
    """Run lengths, as text (compressed) or as numbers."""

    size: tuple[int, int]
    """Height and width."""
    counts: str | list[int]


Segmentation: TypeAlias = Runs | list[list[float]]


def mistake_of(segmentation: Segmentation, height: int, width: int) -> tuple[str, str] | None:
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
        return UNFILLED, f"{sum(runs.counts)} of {height * width} pixels"
    return None


def text_of(segmentation: Segmentation, height: int, width: int) -> bytes:
    """A sound segmentation as the text of compressed run lengths."""
    if isinstance(segmentation, Runs) and isinstance(segmentation.counts, str):
        return segmentation.counts.encode("ascii")
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, Runs):
        runs = {"size": [height, width], "counts": segmentation.counts}
        return bytes(coco_mask.frPyObjects(runs, height, width)["counts"])
    return bytes(coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))["counts"])
