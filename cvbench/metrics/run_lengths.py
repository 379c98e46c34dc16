"""Masks as COCO keeps them: lengths of runs, column by column."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64, UInt8, UInt32

from cvbench.jit import compiled


class RunLengths(NamedTuple):
    """Any number of masks. Mask `i` has `counts[starts[i]:starts[i + 1]]`.

    Pixels go down the columns, from left to right. The first run is one of zeros and may be empty;
    from then on runs of ones and of zeros take turns, and together they fill the image.
    """

    counts: UInt32[np.ndarray, " runs"]
    starts: Int64[np.ndarray, " n+1"]
    height: Int64[np.ndarray, " n"]
    width: Int64[np.ndarray, " n"]


@compiled
def encode(masks: Bool[np.ndarray, "n h w"]) -> RunLengths:
    """The run lengths of plain masks."""
    n, height, width = masks.shape
    starts = np.zeros(n + 1, np.int64)
    for i in range(n):
        runs, value = 1, False
        for x in range(width):
            for y in range(height):
                runs += masks[i, y, x] != value
                value = masks[i, y, x]
        starts[i + 1] = starts[i] + runs
    counts = np.zeros(starts[n], np.uint32)
    for i in range(n):
        run, value = starts[i], False
        for x in range(width):
            for y in range(height):
                run += masks[i, y, x] != value
                value = masks[i, y, x]
                counts[run] += 1
    sizes = np.ones(n, np.int64)
    return RunLengths(counts, starts, sizes * height, sizes * width)


@compiled
def parse(
    text: UInt8[np.ndarray, " characters"], starts: Int64[np.ndarray, " n+1"]
) -> tuple[UInt32[np.ndarray, " runs"], Int64[np.ndarray, " n+1"]]:
    """Counts, and where each mask's start, of the texts in which COCO's files hold compressed masks.

    Each character carries five bits of a number, the lowest first, and whether more follow; from the
    fourth on, a number is the difference to the one two before. Masks stand one behind the other.
    """
    counts = np.empty(len(text), np.uint32)
    run_starts = np.empty(len(starts), np.int64)
    size = 0
    for i in range(len(starts) - 1):
        run_starts[i] = size
        at = starts[i]
        while at < starts[i + 1]:
            number, shift, more = np.int64(0), 0, True
            while more and at < starts[i + 1]:
                character = np.int64(text[at]) - 48
                number |= (character & 31) << shift
                shift += 5
                more = character & 32 != 0
                if not more and character & 16:
                    number |= np.int64(-1) << shift
                at += 1
            if size - run_starts[i] > 2:
                number += counts[size - 2]
            counts[size] = number
            size += 1
    run_starts[len(starts) - 1] = size
    return counts[:size], run_starts


@compiled
def area(masks: RunLengths) -> Int64[np.ndarray, " n"]:
    """How many pixels each mask covers."""
    areas = np.zeros(len(masks.starts) - 1, np.int64)
    for i in range(len(areas)):
        for run in range(masks.starts[i] + 1, masks.starts[i + 1], 2):
            areas[i] += masks.counts[run]
    return areas


@compiled
def bounds(masks: RunLengths) -> Int64[np.ndarray, "n 4"]:
    """The smallest box (x1, y1, x2, y2) around each mask; all 0 for an empty one."""
    boxes = np.zeros((len(masks.starts) - 1, 4), np.int64)
    for i in range(len(boxes)):
        height, at, empty = masks.height[i], 0, True
        for run in range(masks.starts[i], masks.starts[i + 1]):
            first, at = at, at + masks.counts[run]
            if (run - masks.starts[i]) % 2 == 0 or first == at:
                continue
            left, right = first // height, (at - 1) // height
            top, bottom = first % height, (at - 1) % height + 1
            if left < right:  # what runs over the end of a column touches both edges
                top, bottom = 0, height
            if empty:
                boxes[i, 0], boxes[i, 1] = left, top
                empty = False
            boxes[i, 1], boxes[i, 3] = min(boxes[i, 1], top), max(boxes[i, 3], bottom)
            boxes[i, 2] = right + 1
    return boxes
