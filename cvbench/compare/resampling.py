"""Metrics of stored per-image results under image resamples that are the same for every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from cvbench.boxes.array_types import Float64
from cvbench.compare.columns import flat
from cvbench.statistics.bootstrap import bayesian_weights

RESAMPLES = 1000


class Resamples(NamedTuple):
    """The values of a metric: plain, and under each resample."""

    plain: dict[str, float]
    varied: dict[str, Float64[np.ndarray, " resamples"]]
    by_class: dict[str, Float64[np.ndarray, "resamples classes"]]
    """Values per class, for some metrics: the plain one first; NaN if a class has none."""


def resample(protocol: str, table: pa.Table, classes: int, resamples: int) -> Resamples | None:
    """The values of a metric from its per-image results; None for unknown metrics.

    Equal numbers of images and resamples give equal weights: two tables over the same images are paired.
    """
    for prefix, how in _KINDS.items():
        if protocol.startswith(prefix):
            return how(protocol, table, classes, resamples)
    return None


def _weightings(n: int, resamples: int) -> Iterator[Float64[np.ndarray, "some n"]]:
    """Equal weights first, then the weights of each resample."""
    yield np.ones((1, n))
    yield from bayesian_weights(n, resamples)


def _coco(protocol: str, table: pa.Table, classes: int, resamples: int) -> Resamples:
    from cvbench.compare.detections import coco_matches
    from cvbench.metrics.coco.summary import resampled

    matches = coco_matches(table, classes, masks="/segm/" in protocol)
    weights = (some[:, matches.numbers] for some in _weightings(len(table), resamples))
    figures, ap = resampled(matches, weights)
    return Resamples(
        {name: float(column[0]) for name, column in figures.items()},
        {name: column[1:] for name, column in figures.items()},
        {"AP": ap},
    )


def _voc(protocol: str, table: pa.Table, classes: int, resamples: int) -> Resamples | None:
    from cvbench.compare.detections import voc_lines
    from cvbench.metrics.voc.evaluation import RULES, average_precision, curve

    rule = RULES.get(protocol)
    if rule is None:
        return None
    lines = voc_lines(table, classes, strict=rule.strict)
    aps = np.full((resamples + 1, classes), np.nan)
    done = 0
    for some in _weightings(len(table), resamples):
        for k, line in enumerate(lines):
            if len(line.object_image):
                aps[done : done + len(some), k] = average_precision(curve(line, some), rule)
        done += len(some)
    known = ~np.isnan(aps[0])
    if not known.any():
        return Resamples({}, {}, {})
    means = np.ascontiguousarray(aps[:, known]).mean(axis=1)
    return Resamples({"mAP": float(means[0])}, {"mAP": means[1:]}, {"mAP": aps})


def _miou(_: str, table: pa.Table, classes: int, resamples: int) -> Resamples:
    from cvbench.metrics.segmentation_counts import pixel_ratios

    parts = [flat(table, name).reshape(len(table), classes) for name in ("hits", "predicted", "true")]
    pixels = np.concatenate(parts, axis=1).astype(np.float64)
    ratios = pixel_ratios(np.concatenate([some @ pixels for some in _weightings(len(table), resamples)]))
    columns = {
        "mIoU": ratios.iou.class_means(),
        "pixel_accuracy": ratios.recall.overall(),
        "Dice": ratios.dice.class_means(),
    }
    known = {name: column for name, column in columns.items() if column is not None}
    below = ratios.iou.denominator
    with np.errstate(invalid="ignore", divide="ignore"):
        by_class = np.where(below[0] > 0, ratios.iou.numerator / below, np.nan)
    return Resamples(
        {name: float(column[0]) for name, column in known.items()},
        {name: column[1:] for name, column in known.items()},
        {"mIoU": by_class},
    )


_KINDS: dict[str, Callable[[str, pa.Table, int, int], Resamples | None]] = {
    "coco-2017/": _coco,
    "voc": _voc,
    "miou/": _miou,
}
