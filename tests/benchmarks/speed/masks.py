"""Masks for the scenes of the size of val2017: an ellipse in each box, as run lengths and COCO strings."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from cvbench.boxes.jit import compiled
from cvbench.boxes.masks import Regions, RunLengths, mask_regions, parse
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from tests.benchmarks.speed.scenes import HEIGHT, WIDTH, Scene


class Texts(NamedTuple):
    """Concatenated compressed masks in COCO's format."""

    characters: np.ndarray
    starts: np.ndarray

    def parts(self) -> list[str]:
        text = self.characters.tobytes().decode()
        return [text[a:b] for a, b in pairwise(self.starts)]


@compiled
def ellipses(boxes, height, width, counts):  # type: ignore[no-untyped-def]
    """Write the concatenated run lengths of an ellipse in each box (x, y, width, height)."""
    starts, size = np.zeros(len(boxes) + 1, np.int64), 0
    for i in range(len(boxes)):
        x0, y0, w, h = boxes[i]
        at = 0
        for x in range(max(0, int(x0)), min(width, int(x0 + w) + 1)):
            off = (x + 0.5 - x0 - w / 2) / (w / 2)
            half = h / 2 * np.sqrt(max(0.0, 1 - off * off))
            top = max(0, min(height, int(y0 + h / 2 - half + 0.5)))
            bottom = max(0, min(height, int(y0 + h / 2 + half + 0.5)))
            if top < bottom:
                counts[size], counts[size + 1] = x * height + top - at, bottom - top
                size += 2
                at = x * height + bottom
        if at < height * width:
            counts[size] = height * width - at
            size += 1
        starts[i + 1] = size
    return starts


def texts_of(boxes: np.ndarray) -> Texts:
    """An ellipse in each box."""
    counts = np.empty(int((2 * boxes[:, 2] + 5).sum()), np.uint32)
    starts = ellipses(boxes, HEIGHT, WIDTH, counts)
    parts = [
        coco_mask.frPyObjects({"size": [HEIGHT, WIDTH], "counts": counts[a:b].tolist()}, HEIGHT, WIDTH)[
            "counts"
        ]
        for a, b in pairwise(starts)
    ]
    lengths = np.cumsum([0, *map(len, parts)])
    return Texts(np.frombuffer(b"".join(parts), np.uint8), lengths)


def regions_of(texts: Texts) -> Regions:
    """Input of the evaluation from the data in the files."""
    counts, starts = parse(texts.characters, texts.starts)
    sizes = np.ones(len(starts) - 1, np.int64)
    return mask_regions(RunLengths(counts, starts, HEIGHT * sizes, WIDTH * sizes))


class MaskScene(NamedTuple):
    scene: Scene
    """Masks, with the boxes that contain them."""
    true: Texts
    found: Texts

    def arrays(self) -> tuple[CocoTruth, CocoDetections]:
        t, d = self.scene.truth, self.scene.detections
        true, found = regions_of(self.true), regions_of(self.found)
        return (
            CocoTruth(t.image, t.label, true, t.area, t.crowd, t.id),
            CocoDetections(d.image, d.label, found, d.score),
        )


def with_masks(scene: Scene) -> MaskScene:
    """The scene with masks in its boxes, clipped to the image."""
    return MaskScene(scene, texts_of(scene.truth.regions.xywh), texts_of(scene.detections.regions.xywh))
