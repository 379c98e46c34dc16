"""What two boxes share: the arithmetic of every kernel that compares boxes, inlined into it.

Boxes are corners (left, top, right, bottom). `pixel` is what each side is longer by: `HALF_OPEN` for
boxes in continuous coordinates, `DEVKIT` for those of PASCAL VOC, whose last pixel lies inside the box.
The order of operations is part of the definition, so that all kernels give the same bits.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Float64

from cvbench.boxes.jit import inlined

Corners: TypeAlias = tuple[float, float, float, float]

# Constants of the shorter type: with float32 they leave an operation in float32, with float64 in float64.
_ZERO = np.float32(0)
HALF_OPEN = np.float32(-0.0)
"""Nothing: x + -0.0 is x in every bit, also for a zero, so the compiler leaves the addition out."""
DEVKIT = np.float32(1)


@inlined
def corners_of(xywh: Float64[np.ndarray, "n 4"], i: int) -> Corners:
    """The corners of a box that is given as (left, top, width, height), rounded as pycocotools rounds."""
    return xywh[i, 0], xywh[i, 1], xywh[i, 2] + xywh[i, 0], xywh[i, 3] + xywh[i, 1]


@inlined
def shared_sides(a: Corners, b: Corners, pixel: float) -> tuple[float, float]:
    """Width and height of what two boxes share; one of them is 0 or negative where they share nothing."""
    return min(a[2], b[2]) - max(a[0], b[0]) + pixel, min(a[3], b[3]) - max(a[1], b[1]) + pixel


@inlined
def intersection(a: Corners, b: Corners, pixel: float) -> float:
    """The area that two boxes share; 0 where they share nothing."""
    width, height = shared_sides(a, b, pixel)
    shared: float = max(width, _ZERO) * max(height, _ZERO)
    return shared


@inlined
def area_of(box: Corners, pixel: float) -> float:
    """Width times height, whatever their signs."""
    return (box[2] - box[0] + pixel) * (box[3] - box[1] + pixel)


@inlined
def area_or_nan(box: Corners, pixel: float) -> float:
    """The area of a box, and NaN where it has none: whatever is divided by that is NaN too."""
    width, height = box[2] - box[0] + pixel, box[3] - box[1] + pixel
    return width * height if width > 0 and height > 0 else np.nan


@inlined
def union(shared: float, area: float, other_area: float) -> float:
    """The area that two boxes, or two masks, cover together."""
    return area + other_area - shared
