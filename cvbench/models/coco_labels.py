"""The 91 outputs of detectors that torchvision trained on COCO, and the 80 labels among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cvbench.models.options import refusal

_NAMELESS: Final = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
"""Category ids up to 90 that COCO's published annotations never use."""

COCO_IDS: Final = tuple(number for number in range(1, 91) if number not in _NAMELESS)
"""The category id behind each of COCO's 80 labels."""


def categories_of(model: str, classes: int, *, coco91: bool) -> Sequence[int]:
    """The output behind each label, output 0 being the background: COCO's ids, or one after the other.

    Raises InputError for `coco91` with other than 80 classes.
    """
    if not coco91:
        return range(1, classes + 1)
    if classes != len(COCO_IDS):
        raise refusal(model, "coco91", coco91, wanted=f"false for {classes} classes; it is for COCO's 80")
    return COCO_IDS
