"""The masks of COCO's files as run lengths, all of one side of a comparison at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from cvbench.boxes.masks import RunLengths, parse
from cvbench.data.annotations.coco_masks import UNFILLED, Segmentation, mistake_of, text_of
from cvbench.data.annotations.soundness import Side


def read_masks(
    segmentations: Sequence[Segmentation],
    height: Int64[np.ndarray, " n"],
    width: Int64[np.ndarray, " n"],
    side: Side,
) -> RunLengths:
    """The masks as runs, each for an image of its own size; unsound ones are among the mistakes.

    Nothing is read for images without pixels.
    """
    texts = []
    for i, (segmentation, h, w) in enumerate(
        zip(segmentations, height.tolist(), width.tolist(), strict=True)
    ):
        wrong = mistake_of(segmentation, h, w) if h > 0 < w else None
        if wrong is not None:
            side.mistakes.add(side.file, wrong[0], f"{side.at(i)}: {wrong[1]}")
        texts.append(b"" if wrong is not None or h <= 0 or w <= 0 else text_of(segmentation, h, w))
    starts = np.cumsum([0, *map(len, texts)])
    counts, run_starts = parse(np.frombuffer(b"".join(texts), np.uint8), starts)
    covered = np.diff(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])[run_starts])
    side.mistakes.add_where(
        side.file,
        UNFILLED,
        (covered != height * width) & (np.diff(starts) > 0),
        lambda i: f"{side.at(i)}: {covered[i]} of {height[i] * width[i]} pixels",
    )
    return RunLengths(counts, run_starts, height, width)
