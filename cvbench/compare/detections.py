"""Matches of detections and objects from the per-image results of detection metrics; without torch."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cvbench.boxes.array_types import Float64, Int64
from cvbench.boxes.masks import Regions, RunLengths, area, box_regions, joined
from cvbench.compare.columns import flat, lengths
from cvbench.metrics.coco.evaluation import DatasetMatches, match_coco
from cvbench.metrics.coco.matching import CocoDetections, CocoTruth
from cvbench.metrics.voc.evaluation import VocDetections, VocLine, VocTruth, match_voc


def coco_matches(table: pa.Table, classes: int, *, masks: bool) -> DatasetMatches:
    """Matches by COCO rules; images are numbered by their rows."""
    regions = _mask_regions if masks else _box_regions
    return match_coco(
        CocoTruth(
            image=_images(table, "true_label"),
            label=flat(table, "true_label").astype(np.int64),
            regions=regions(table, "true_"),
            area=flat(table, "true_area").astype(np.float64),
            crowd=flat(table, "crowd").astype(np.bool_),
        ),
        CocoDetections(
            image=_images(table, "label"),
            label=flat(table, "label").astype(np.int64),
            regions=regions(table, ""),
            score=flat(table, "score").astype(np.float64),
        ),
        classes=classes,
    )


def voc_lines(table: pa.Table, classes: int, *, strict: bool) -> list[VocLine]:
    """Matches by VOC rules; images are numbered by their rows."""
    return match_voc(
        VocTruth(
            image=_images(table, "true_label"),
            label=flat(table, "true_label").astype(np.int64),
            boxes=_pixels_inside(table, "true_corners"),
            difficult=flat(table, "difficult").astype(np.bool_),
        ),
        VocDetections(
            image=_images(table, "label"),
            label=flat(table, "label").astype(np.int64),
            boxes=_pixels_inside(table, "corners"),
            score=flat(table, "score").astype(np.float64),
        ),
        classes=classes,
        strict=strict,
    )


def _images(table: pa.Table, column: str) -> Int64[np.ndarray, " n"]:
    return np.repeat(np.arange(len(table)), lengths(table, column))


def _pixels_inside(table: pa.Table, column: str) -> Float64[np.ndarray, "n 4"]:
    """Half-open boxes as the devkit has them: pixels counted from 1, the last one inside the box."""
    corners = flat(table, column).astype(np.float64).reshape(-1, 4)
    return np.asarray(corners + np.array([1.0, 1.0, 0.0, 0.0]))


def _box_regions(table: pa.Table, prefix: str) -> Regions:
    return box_regions(flat(table, f"{prefix}xywh").astype(np.float64).reshape(-1, 4))


def _mask_regions(table: pa.Table, prefix: str) -> Regions:
    if f"{prefix}runs" not in table.column_names:  # no image has masks
        return _box_regions(table, prefix)
    columns = [table.column(f"{prefix}{name}").to_pylist() for name in ("xywh", "runs", "run_starts")]
    return joined([_masks(*of_image) for of_image in zip(*columns, strict=True)])


def _masks(xywh: list[float], runs: list[int], run_starts: list[int]) -> Regions:
    counts, starts = np.array(runs, np.uint32), np.array(run_starts, np.int64)
    unknown = np.zeros(len(starts) - 1, np.int64)  # the size of the image, which areas do not need
    sizes = area(RunLengths(counts, starts, unknown, unknown)).astype(np.float64)
    return Regions(np.array(xywh, np.float64).reshape(-1, 4), sizes, counts, starts)
