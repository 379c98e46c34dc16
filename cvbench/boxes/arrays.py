"""Overlap and matching of a few boxes as NumPy arrays, for comparisons and reports, which avoid torch.

Boxes are corners (x1, y1, x2, y2) in pixels. The results are bit-identical to `cvbench.boxes.iou` for
float64. Nothing is compiled, so a call takes about ten microseconds, without a start-up cost.
"""

from __future__ import annotations

import numpy as np

from cvbench.boxes.array_types import Float64, Int64


def intersection(a: Float64[np.ndarray, "n 4"], b: Float64[np.ndarray, "m 4"]) -> Float64[np.ndarray, "n m"]:
    """Intersection area of every box in `a` with every box in `b`; 0 if they are disjoint.

    >>> intersection(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 1.0, 3.0, 3.0]]))
    array([[1.]])
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)  # integers would overflow
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    sides = np.maximum(sides, 0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def iou(a: Float64[np.ndarray, "n 4"], b: Float64[np.ndarray, "m 4"]) -> Float64[np.ndarray, "n m"]:
    """Intersection over union of every box in `a` with every box in `b`, as `cvbench.boxes.iou` defines it.

    The IoU of a box without area, or with a NaN or infinite coordinate, is 0, never NaN.

    >>> iou(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0], [1.0, 1.0, 1.0, 1.0]]))
    array([[0.33333333, 0.        ]])
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # invalid boxes
        shared = intersection(a, b)
        union = _areas(a)[:, None] + _areas(b)[None] - shared
        sound = (shared > 0) & (union > 0) & (union < np.inf)
    return np.where(sound, shared, 0.0) / np.where(sound, union, 1.0)


def match_in_turn(overlaps: Float64[np.ndarray, "n m"], *, least: float) -> Int64[np.ndarray, " n"]:
    """Greedy matching: the column that each row takes, row after row; -1 if none.

    A row takes the free column with the highest overlap (the first in a tie) if that is at least `least`,
    which must be above 0. Sort the rows by falling score for the usual matching of detections.

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
    """Raise ValueError unless all arrays have the same length; None is skipped.

    Compiled code relies on equal lengths.

    >>> require_one_each("detections", np.zeros(2), np.zeros((2, 4)))
    """
    lengths = [len(array) for array in arrays if array is not None]
    if len(set(lengths)) > 1:
        raise ValueError(f"{what}: arrays have different lengths: {', '.join(map(str, lengths))}")


def _areas(boxes: Float64[np.ndarray, "n 4"]) -> Float64[np.ndarray, " n"]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])
