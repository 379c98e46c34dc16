"""Run-length-encoded masks in COCO's format (column-major), and regions (boxes or masks)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8, UInt32

from cvbench.boxes.jit import compiled
from cvbench.boxes.threads import in_threads, spans


class RunLengths(NamedTuple):
    """Run lengths of any number of masks. Mask `i` has `counts[starts[i]:starts[i + 1]]`.

    Pixels are in column-major order. Runs of zeros and ones alternate, beginning with zeros (possibly an
    empty run); together they fill the image.
    """

    counts: UInt32[np.ndarray, " runs"]
    starts: Int64[np.ndarray, " n+1"]
    height: Int64[np.ndarray, " n"]
    width: Int64[np.ndarray, " n"]


@compiled
def encode(masks: Bool[np.ndarray, "n h w"]) -> RunLengths:
    """The run lengths of binary masks."""
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


def parse(
    text: UInt8[np.ndarray, " characters"], starts: Int64[np.ndarray, " ends"]
) -> tuple[UInt32[np.ndarray, " runs"], Int64[np.ndarray, " ends"]]:
    """Decode COCO's compressed masks; returns all counts, and the start of each mask's counts.

    `text` is the concatenated compressed strings. Each character has five bits of a number, lowest first, and
    a continuation bit; from the fourth number on, a number is the difference from the one two before.
    """
    pieces = spans(starts)
    runs = in_threads(lambda piece: runs_in(text, starts[piece.start : piece.stop + 1]), pieces)
    run_starts = np.cumsum(np.concatenate([np.zeros(1, np.int64), *runs]))
    counts = np.empty(run_starts[-1], np.uint32)

    def read(piece: slice) -> None:
        parse_into(counts, run_starts[piece.start :], text, starts[piece.start : piece.stop + 1])

    in_threads(read, pieces)
    return counts, run_starts


@compiled
def runs_in(
    text: UInt8[np.ndarray, " characters"], starts: Int64[np.ndarray, " n+1"]
) -> Int64[np.ndarray, " n"]:
    """The number of counts in each compressed string."""
    runs = np.zeros(len(starts) - 1, np.int64)
    for i in range(len(runs)):
        for at in range(starts[i], starts[i + 1]):
            runs[i] += (text[at] - 48) & 32 == 0
        if starts[i] < starts[i + 1]:
            runs[i] += (text[starts[i + 1] - 1] - 48) & 32 != 0  # the last number is truncated
    return runs


@compiled
def parse_into(
    counts: UInt32[np.ndarray, " runs"],
    run_starts: Int64[np.ndarray, " n+1"],
    text: UInt8[np.ndarray, " characters"],
    starts: Int64[np.ndarray, " n+1"],
) -> None:
    """Write the counts of each compressed string to its mask's position in `counts`."""
    for i in range(len(starts) - 1):
        at = starts[i]
        for run in range(run_starts[i], run_starts[i + 1]):
            character = np.int64(text[at]) - 48
            number, shift = character & 31, 5
            at += 1
            while character & 32 and at < starts[i + 1]:
                character = np.int64(text[at]) - 48
                number |= (character & 31) << shift
                shift += 5
                at += 1
            if character & 16 and not character & 32:
                number -= 1 << shift
            if run - run_starts[i] > 2:
                number += counts[run - 2]
            counts[run] = number


@compiled
def area(masks: RunLengths) -> Int64[np.ndarray, " n"]:
    """Number of pixels in each mask."""
    areas = np.zeros(len(masks.starts) - 1, np.int64)
    for i in range(len(areas)):
        for run in range(masks.starts[i] + 1, masks.starts[i + 1], 2):
            areas[i] += masks.counts[run]
    return areas


@compiled
def bounds(masks: RunLengths) -> Int64[np.ndarray, "n 4"]:
    """The bounding box (x1, y1, x2, y2) of each mask; all 0 for an empty mask."""
    boxes = np.zeros((len(masks.starts) - 1, 4), np.int64)
    for i in range(len(boxes)):
        height, empty = masks.height[i], True
        x: np.int64 | int = 0
        y: np.int64 | int = 0
        for run in range(masks.starts[i], masks.starts[i + 1]):
            left, top, count = x, y, np.int64(masks.counts[run])
            if count < height:  # nearly always; avoids the slow division
                y += count
            else:
                x += count // height
                y += count % height
            if y >= height:
                x, y = x + 1, y - height
            if (run - masks.starts[i]) % 2 == 0 or count == 0:
                continue
            right, bottom = (x + 1, y) if y > 0 else (x, height)
            if left + 1 < right:  # a run across a column's end touches both edges
                top, bottom = 0, height
            if empty:
                boxes[i, 0], boxes[i, 1] = left, top
                empty = False
            boxes[i, 1], boxes[i, 3] = min(boxes[i, 1], top), max(boxes[i, 3], bottom)
            boxes[i, 2] = right
    return boxes


class Regions(NamedTuple):
    """Regions of detections or objects: boxes, or masks with their bounding boxes.

    Boxes are (x, y, width, height) as in COCO files, not corners: pycocotools computes x + width with
    rounding, and bit-identical results require the same rounding.
    """

    xywh: Float64[np.ndarray, "n 4"]
    area: Float64[np.ndarray, " n"]
    """Area of the mask, or of the box without masks."""
    counts: UInt32[np.ndarray, " runs"]
    """Run lengths of the masks; empty for boxes."""
    starts: Int64[np.ndarray, " n+1|0"]


def box_regions(xywh: Float64[np.ndarray, "n 4"]) -> Regions:
    """Regions of boxes, compared by box IoU."""
    xywh = np.ascontiguousarray(xywh)
    return Regions(xywh, xywh[:, 2] * xywh[:, 3], np.empty(0, np.uint32), np.empty(0, np.int64))


def mask_regions(masks: RunLengths) -> Regions:
    """Regions of masks, compared by mask IoU; all masks of an image must have one size."""

    def measured(piece: slice) -> tuple[Int64[np.ndarray, "some 4"], Int64[np.ndarray, " some"]]:
        starts = masks.starts[piece.start : piece.stop + 1]
        some = RunLengths(masks.counts, starts, masks.height[piece], masks.width[piece])
        return bounds(some), area(some)

    corners, areas = zip(*in_threads(measured, spans(masks.starts)), strict=True)
    xywh = np.concatenate(corners).astype(np.float64)
    xywh[:, 2:] -= xywh[:, :2]
    return Regions(xywh, np.concatenate(areas).astype(np.float64), masks.counts, masks.starts)


def joined(parts: Sequence[Regions]) -> Regions:
    """Concatenated regions of several images; all boxes or all masks."""
    shift = np.cumsum([0, *(len(part.counts) for part in parts)])
    starts = [part.starts[:-1] + s for part, s in zip(parts, shift, strict=False)]
    return Regions(
        np.concatenate([np.empty((0, 4)), *(part.xywh for part in parts)]),
        np.concatenate([np.empty(0), *(part.area for part in parts)]),
        np.concatenate([np.empty(0, np.uint32), *(part.counts for part in parts)]),
        np.concatenate([*starts, shift[-1:]])
        if any(len(part.starts) for part in parts)
        else np.empty(0, np.int64),
    )
