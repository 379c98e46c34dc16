"""Shapes as COCO's files write them, polygons or run lengths: what is wrong with one, and its text."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

FARTHEST = 1 << 20
"""Corners of polygons lie within so many pixels; drawing takes time and memory by their distance."""

LONGEST = 1 << 22
"""Pixels along the outlines of an object: as much is drawn before anything is counted, and takes memory."""

UNFILLED = "run lengths that do not fill the image"


class Runs(msgspec.Struct, gc=False):
    """Run lengths, as text (compressed) or as numbers."""

    size: tuple[int, int]
    """Height and width."""
    counts: str | list[int]


Segmentation: TypeAlias = Runs | list[list[float]]


def problem_of(segmentation: Segmentation, height: int, width: int) -> tuple[str, str] | None:
    """What is wrong with a segmentation, as kind and value."""
    if isinstance(segmentation, Runs):
        return _problem_of_runs(segmentation, height, width)
    if not segmentation:
        return "a segmentation without a polygon", "[]"
    for polygon in segmentation:
        if len(polygon) < 6 or len(polygon) % 2:
            return "a polygon that is not three or more corners", f"{len(polygon)} numbers"
        if not all(-FARTHEST < number < FARTHEST for number in polygon):
            far = next(number for number in polygon if not -FARTHEST < number < FARTHEST)
            return "a corner of a polygon that is nowhere near the image", f"{far}"
    length = sum(map(_outline, segmentation))
    return (
        None if length <= LONGEST else (f"polygons of more than {LONGEST:,} pixels around", f"{length:,.0f}")
    )


def _outline(polygon: list[float]) -> float:
    """How many pixels the outline passes, as it is drawn: along the longer side of each edge."""
    corners = list(zip(polygon[::2], polygon[1::2], strict=True))
    edges = zip(corners, [*corners[1:], corners[0]], strict=True)
    return sum(max(abs(x2 - x1), abs(y2 - y1)) for (x1, y1), (x2, y2) in edges)


def _problem_of_runs(runs: Runs, height: int, width: int) -> tuple[str, str] | None:
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
