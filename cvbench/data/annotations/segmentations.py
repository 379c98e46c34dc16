"""Segmentations of COCO files, polygons or run lengths: checks, and conversion to compressed run lengths."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

FARTHEST = 1 << 20
"""Limit of polygon coordinates in pixels; drawing costs time and memory in proportion."""

LONGEST = 1 << 22
"""Maximum outline length of an object in pixels; drawing needs memory in proportion."""

UNFILLED = "run lengths that do not fill the image"


class Runs(msgspec.Struct, gc=False):
    """Run lengths, as compressed text or as numbers."""

    size: tuple[int, int]
    """Height and width."""
    counts: str | list[int]


Segmentation: TypeAlias = Runs | list[list[float]]


def problem_of(segmentation: Segmentation, height: int, width: int) -> tuple[str, str] | None:
    """The problem of a segmentation as kind and value, or None."""
    if isinstance(segmentation, Runs):
        return _problem_of_runs(segmentation, height, width)
    if not segmentation:
        return "a segmentation without a polygon", "[]"
    for polygon in segmentation:
        if len(polygon) < 6 or len(polygon) % 2:
            return "a polygon that does not have three or more corners", f"{len(polygon)} numbers"
        if not all(-FARTHEST < number < FARTHEST for number in polygon):
            far = next(number for number in polygon if not -FARTHEST < number < FARTHEST)
            return "a polygon corner far outside the image", f"{far}"
    length = sum(map(_outline, segmentation))
    return (
        None if length <= LONGEST else (f"polygons of more than {LONGEST:,} pixels around", f"{length:,.0f}")
    )


def _outline(polygon: list[float]) -> float:
    """The outline length in pixels, as drawn: the longer side of each edge."""
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
    """A valid segmentation as compressed run lengths."""
    if isinstance(segmentation, Runs) and isinstance(segmentation.counts, str):
        return segmentation.counts.encode("ascii")
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, Runs):
        runs = {"size": [height, width], "counts": segmentation.counts}
        return bytes(coco_mask.frPyObjects(runs, height, width)["counts"])
    return bytes(coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))["counts"])
