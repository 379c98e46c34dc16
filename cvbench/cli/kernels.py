"""Call every kernel of boxes, metrics and readers once, on little data, so that no later call compiles.

Compiled kernels are stored on disk for all processes of the machine (see `cvbench.boxes.jit`).
`cvbench env --compile` does this ahead of time, such as when a container image is built.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from cvbench.boxes import assign, crowd_iou, iou, nms, soft_nms
from cvbench.boxes import match_coco as match_pairs
from cvbench.boxes.cpu.protocol_matching import BoxesBothWays, ClassScene, match_by_rules
from cvbench.boxes.masks import box_regions, encode, mask_regions, parse
from cvbench.boxes.pooling import roi_align
from cvbench.metrics.coco.error_analysis import explain_errors
from cvbench.metrics.coco.evaluation import evaluate_coco, match_coco
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.coco.summary import resampled_figures
from cvbench.metrics.files.json_columns import WORTH_IT, FieldKind, read_list
from cvbench.metrics.segmentation_counts import confusion
from cvbench.metrics.voc.evaluation import VocDetections, VocTruth, match_voc
from cvbench.runner import environment

APART = (
    ("coco bbox", "bootstrap", "errors"),
    ("iou", "nms", "soft_nms", "matching, assigning", "pooling"),
    ("large files", "explaining"),
    ("masks", "voc", "miou"),
)
"""Groups of work that share no kernel, the slowest to compile first."""


def compile_all() -> Iterator[str]:
    """Compile in parallel processes; yields the name of each piece when it is on disk."""
    # A forked process has all imports; where forking is unsafe, each process imports again.
    method = "fork" if sys.platform == "linux" else "spawn"
    workers = min(environment.threads_available(), len(APART))
    with ProcessPoolExecutor(workers, multiprocessing.get_context(method)) as pool:
        for done in as_completed([pool.submit(_call, names) for names in APART]):
            yield from done.result()


def _call(names: tuple[str, ...]) -> tuple[str, ...]:
    pieces = calls()
    for name in names:
        pieces[name]()
    return names


def calls() -> dict[str, Callable[[], Any]]:
    """One call of every kernel with the types that commands use, by piece of work.

    Nothing compiled runs before a piece is called.
    """
    boxes, scores = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 3]]).repeat(25, 1), torch.ones(50)
    truth, found = _scene()
    entry = b'{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [0, 0, 1, 1]}'
    listed = b"[" + b", ".join([entry] * (WORTH_IT // len(entry) + 1)) + b"]"
    fields = {
        "image_id": FieldKind.WHOLE,
        "category_id": FieldKind.WHOLE,
        "score": FieldKind.REAL,
        "bbox": FieldKind.BOX,
    }

    def masks() -> None:
        mask_regions(encode(np.ones((1, 4, 4), bool)))
        parse(np.zeros(0, np.uint8), np.zeros(1, np.int64))

    def by_masks() -> None:
        drawn = [mask_regions(encode(np.ones((len(side.label), 4, 4), bool))) for side in (truth, found)]
        evaluate_coco(replace(truth, regions=drawn[0]), replace(found, regions=drawn[1]), classes=2)

    def by_matrix() -> None:
        overlaps, none = torch.rand(3, 2, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.bool)
        sides = {"crowd": none[0, :2], "ignored": none[:, :2], "outside": none}
        match_pairs(overlaps, thresholds=torch.tensor([0.5]), **sides)
        assign(overlaps.float())

    def pooling() -> None:
        maps = torch.ones(1, 2, 4, 4, requires_grad=True)
        of_image = torch.zeros(len(boxes), dtype=torch.int64)
        pooled = roi_align([maps], boxes, image=of_image, level=of_image, strides=[1.0])
        torch.autograd.grad(pooled.sum(), maps)

    def bootstrap() -> None:
        matches = match_coco(truth, found, classes=2)
        resampled_figures(matches, [np.ones((2, len(matches.numbers)))])

    def explaining() -> None:
        one = BoxesBothWays(np.ones((1, 4)), np.ones((1, 4)))
        starts, none = np.array([0, 1]), np.zeros(1, np.bool_)
        match_by_rules(ClassScene(one, starts, one, starts, none, none), 0.5, False, False, False, False)

    def voc() -> None:
        match_voc(
            VocTruth(truth.image - 1, truth.label, truth.regions.xywh, truth.crowd),
            VocDetections(found.image - 1, found.label, found.regions.xywh, found.score),
            classes=2,
        )

    return {
        "iou": lambda: (iou(boxes, boxes), crowd_iou(boxes, boxes)),
        "nms": lambda: nms(boxes, scores, 0.5, groups=torch.zeros(50, dtype=torch.int64)),
        "soft_nms": lambda: soft_nms(boxes, scores),
        "matching, assigning": by_matrix,
        "pooling": pooling,
        "coco bbox": lambda: evaluate_coco(truth, found, classes=2),
        "masks": masks,
        "coco segm": by_masks,
        "bootstrap": bootstrap,
        "errors": lambda: explain_errors(truth, found, classes=2),
        "voc": voc,
        "miou": lambda: confusion(np.zeros(9, np.uint8), np.zeros(9, np.uint8), 3),
        "large files": lambda: read_list(listed, fields),
        "explaining": explaining,
    }


def _scene() -> tuple[CocoTruth, CocoDetections]:
    """Two images with an object of each class, and a detection of each."""
    image, label = np.array([1, 1, 2, 2]), np.array([0, 1, 0, 1])
    boxes = box_regions(np.tile([1.0, 1.0, 9.0, 9.0], (4, 1)))
    truth = CocoTruth(image, label, boxes, np.full(4, 81.0), np.zeros(4, np.bool_), np.arange(1, 5))
    return truth, CocoDetections(image, label, boxes, np.full(4, 0.5))
