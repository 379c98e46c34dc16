"""Overlap and matching of a few boxes on NumPy arrays: for comparisons and reports, which import no torch.

Boxes are corners (x1, y1, x2, y2) in pixels. The results have the bits of `cvbench.boxes.iou` for
float64. Nothing is compiled here either, so a call takes some ten microseconds and needs no start.
"""

from __future__ import annotations

import numpy as np

from cvbench.boxes.array_types import Float64, Int64


def intersection(a: Float64[np.ndarray, "n 4"], b: Float64[np.ndarray, "m 4"]) -> Float64[np.ndarray, "n m"]:
    """The area that every box in `a` shares with every box in `b`; 0 where they share nothing.

    >>> intersection(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 1.0, 3.0, 3.0]]))
    array([[1.]])
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)  # integers would overflow
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    sides = np.maximum(sides, 0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def iou(a: Float64[np.ndarray, "n 4"], b: Float64[np.ndarray, "m 4"]) -> Float64[np.ndarray, "n m"]:
    """Intersection over union of every box in `a` with every box in `b`, as `cvbench.boxes.iou` defines it.

    A box without area overlaps nothing, nor does one with a coordinate that is NaN or infinite: 0, never NaN.

    >>> iou(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0], [1.0, 1.0, 1.0, 1.0]]))
    array([[0.33333333, 0.        ]])
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # of boxes that overlap nothing
        shared = intersection(a, b)
        union = _areas(a)[:, None] + _areas(b)[None] - shared
        sound = (shared > 0) & (union > 0) & (union < np.inf)
    return np.where(sound, shared, 0.0) / np.where(sound, union, 1.0)


def match_in_turn(overlaps: Float64[np.ndarray, "n m"], *, least: float) -> Int64[np.ndarray, " n"]:
    """The column that each row takes, row after row; -1 where it takes none.

    A row takes the free column with its highest overlap, the first among equals, if that is at least
    `least`, which is above 0. Sort the rows by falling score to match detections as the field does.

    >>> match_in_turn(np.array([[0.6, 0.5], [0.9, 0.4]]), least=0.5)
    array([ 0, -1])
    """
    free = overlaps.copy()
    partner = np.full(len(overlaps), -1)
    for row in range(len(overlaps) if free.shape[1] else 0):
        best = int(free[row].argmax())
        if free[row, best] >= least:
            partner[row] = best
            free[:, best] = 0
    return partner


def require_one_each(what: str, *arrays: np.ndarray | None) -> None:
    """Raise ValueError unless these arrays have one entry each of the same `what`; None is left out.

    Compiled code takes the length of one array for that of the others.

    >>> require_one_each("detections", np.zeros(2), np.zeros((2, 4)))
    """
    lengths = [len(array) for array in arrays if array is not None]
    if len(set(lengths)) > 1:
        raise ValueError(f"{what}: arrays of one entry each have the lengths {', '.join(map(str, lengths))}")


def _areas(boxes: Float64[np.ndarray, "n 4"]) -> Float64[np.ndarray, " n"]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])
