"""How many objects an average precision rests on, and whether that is enough for an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MINIMUM_OBJECTS = 10.0
"""Effective objects below which the interval of a COCO metric is withheld.

An empirical limit. Nominal 95 % intervals of AP, AP50, AP75, APs and APm of synthetic detectors held the
truth in 93 to 94 % at 10 or more, 85 % at 5 to 10, 77 % at 3 to 5, and 56 % below 3 (`docs/scoring.md`).
"""

MINIMUM_OBJECTS_VOC = 20.0
"""The same for the mAP of VOC, whose noise has a longer tail.

The truth is in 95 % of its intervals at 60 or more, 90 to 91 % at 20 to 60, 85 to 87 % at 10 to 20, 81 % at
5 to 10, 71 % at 3 to 5, and 50 % below 3.
"""


def effective_objects(objects_per_class: Sequence[float]) -> float | None:
    """The harmonic mean of the objects of each class that has any; None where no class has one.

    A mean over classes is as noisy as its rarest classes make it, and the variance of one class's AP
    falls like 1 / objects: hence this mean.

    >>> effective_objects([10, 1000, 0])
    19.801980198019802
    """
    known = np.array([n for n in objects_per_class if n > 0], np.float64)
    return float(len(known) / (1 / known).sum()) if len(known) else None


def too_few_objects(effective: float | None, minimum: float = MINIMUM_OBJECTS) -> str | None:
    """Why an interval is withheld; None where there are objects enough, or where their number is unknown."""
    if effective is None or effective >= minimum:
        return None
    # Rounded down, so that 9.96 does not read as 10.0.
    return f"too few objects for an interval: {np.floor(effective * 10) / 10:.1f} per class"
