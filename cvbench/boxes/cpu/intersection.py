"""Intersection and area of boxes, inlined into all CPU kernels that compare boxes.

Boxes are corners (left, top, right, bottom). `pixel` is added to each side: `HALF_OPEN` for half-open boxes,
`DEVKIT` for PASCAL VOC boxes with inclusive corners. The order of operations is part of the definition, so
that all kernels are bit-identical.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Float64

from cvbench.boxes.jit import inlined

Corners: TypeAlias = tuple[float, float, float, float]

# float32 constants do not promote float32 operands to float64.
_ZERO = np.float32(0)
HALF_OPEN = np.float32(-0.0)
"""x + -0.0 equals x bit for bit, also for zeros, so the compiler removes the addition."""
DEVKIT = np.float32(1)


@inlined
def corners_of(xywh: Float64[np.ndarray, "n 4"], i: int) -> Corners:
    """The corners of a box (left, top, width, height), with the rounding of pycocotools."""
    return xywh[i, 0], xywh[i, 1], xywh[i, 2] + xywh[i, 0], xywh[i, 3] + xywh[i, 1]


@inlined
def shared_sides(a: Corners, b: Corners, pixel: float) -> tuple[float, float]:
    """Width and height of the intersection; at least one is 0 or negative if the boxes are disjoint."""
    return min(a[2], b[2]) - max(a[0], b[0]) + pixel, min(a[3], b[3]) - max(a[1], b[1]) + pixel


@inlined
def intersection(a: Corners, b: Corners, pixel: float) -> float:
    """Intersection area of two boxes; 0 if they are disjoint."""
    width, height = shared_sides(a, b, pixel)
    shared: float = max(width, _ZERO) * max(height, _ZERO)
    return shared


@inlined
def area_of(box: Corners, pixel: float) -> float:
    """Width times height, even if negative."""
    return (box[2] - box[0] + pixel) * (box[3] - box[1] + pixel)


@inlined
def area_or_nan(box: Corners, pixel: float) -> float:
    """The area of a box, or NaN if its width or height is not positive; a quotient by it is NaN too."""
    width, height = box[2] - box[0] + pixel, box[3] - box[1] + pixel
    return width * height if width > 0 and height > 0 else np.nan


@inlined
def union(shared: float, area: float, other_area: float) -> float:
    """Union area of two boxes or masks, from their intersection and areas."""
    return area + other_area - shared
