"""The shapes that YOLO's predictors start from, as an option of its builders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from cvbench.models.options import refusal
from cvbench.spec.cell import Option

Shapes: TypeAlias = Sequence[tuple[float, float]]


def anchors_of(
    model: str, anchors: Option | None, *, default: Shapes, named: Mapping[str, Shapes] | None = None
) -> Shapes:
    """Width and height in pixels: the user's, once they are sound, those of a name, or the default."""
    if anchors is None:
        return default
    if isinstance(anchors, str) and named and anchors in named:
        return named[anchors]
    given = anchors if isinstance(anchors, list | tuple) else ()
    pairs = [pair for pair in given if isinstance(pair, list | tuple) and len(pair) == 2]
    sides = [side for pair in pairs for side in pair if isinstance(side, int | float)]
    sound = len(sides) == 2 * len(default) and all(0 < side < math.inf for side in sides)
    if not sound or len(given) != len(default):
        words = "".join(f"{name} or " for name in named or ())
        raise refusal(
            model, "anchors", anchors, wanted=f"{words}{len(default)} pairs [width, height] above 0"
        )
    return list(zip(sides[::2], sides[1::2], strict=True))
