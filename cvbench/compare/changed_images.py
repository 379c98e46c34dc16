"""Images whose result became better or worse between two runs, the largest changes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from cvbench.boxes.array_types import Float64, Int64
from cvbench.compare.accuracy import Outcomes, Sides, outcomes_of
from cvbench.compare.columns import column, flat
from cvbench.record import Record

SURE = 0.5
"""Detections with lower scores count neither as found nor as false."""


class Flip(NamedTuple):
    """One image whose result changed."""

    id: str
    change: float
    """Positive: better now."""
    before: str
    now: str
    row: int
    """Its rows in the results of both runs."""


class Flipped(NamedTuple):
    """The changed images between two cells."""

    kept: Outcomes
    classes: list[str]
    flips: list[Flip]

    @property
    def worst(self) -> list[Flip]:
        """Sorted by change: largest losses first, largest gains last."""
        return sorted(self.flips, key=lambda flip: flip.change)

    def __str__(self) -> str:
        better = sum(flip.change > 0 for flip in self.flips)
        return f"{len(self.flips) - better} images became worse, {better} better"


class _Quality(NamedTuple):
    value: Float64[np.ndarray, " images"]
    words: Callable[[int], str]


def flipped(sides: Sides) -> Flipped | None:
    """Changed images by the first metric with per-image results in both runs; None without one."""
    for item in sides[0][1].attachments:
        if item.kind == "outcomes":
            kept = outcomes_of(sides, item.name)
            if kept is not None and (found := _flips(kept, (sides[0][1], sides[1][1]))) is not None:
                return found
    return None


def _flips(kept: Outcomes, records: tuple[Record, Record]) -> Flipped | None:
    names, others = (_class_names(record, kept.protocol) for record in records)
    if len(names) != len(others):
        return None
    before, now = (_quality(kept.protocol, table, names) for table in (kept.a, kept.b))
    if before is None or now is None:
        return None
    change = now.value - before.value
    order = np.lexsort((np.arange(len(change)), -np.abs(change)))
    ids = kept.a.column("id").to_pylist()
    flips = [
        Flip(ids[i], float(change[i]), before.words(i), now.words(i), i)
        for i in order.tolist()
        if change[i] != 0
    ]
    return Flipped(kept, names, flips)


def _class_names(record: Record, protocol: str) -> list[str]:
    own = [m.parts for m in record.measurements if m.protocol == protocol]
    return [part.name for part in max(own, key=len, default=())]


def _quality(protocol: str, table: pa.Table, names: list[str]) -> _Quality | None:
    if protocol.startswith("topk/"):
        return _classified(table, names)
    if not names:
        return None
    if protocol.startswith("coco-2017/"):
        return _detected(table, len(names), masks="/segm/" in protocol)
    if protocol.startswith("voc"):
        return _detected_by_voc(table, len(names), strict=">=" not in protocol)
    return _labelled(table) if protocol.startswith("miou/") else None


def _classified(table: pa.Table, names: list[str]) -> _Quality:
    right = column(table, "top1").astype(np.float64)
    predicted = table.column("predicted").to_pylist()
    return _Quality(right, lambda i: names[predicted[i]] if predicted[i] < len(names) else str(predicted[i]))


def _detected(table: pa.Table, classes: int, *, masks: bool) -> _Quality:
    """Objects found at IoU 0.5 minus false detections, for detections with a score of at least 0.5."""
    from cvbench.compare.detections import coco_matches

    matches = coco_matches(table, classes, masks=masks)
    found = np.zeros(len(table), np.int64)
    void = np.zeros(len(table), np.int64)
    for line in matches.lines:
        sure = (line.hit_score >= SURE) & (line.hit_found & 1 > 0)  # the first setting: any size, IoU 0.5
        excused = sure & (line.hit_void & 1 > 0)
        np.add.at(found, matches.numbers[line.hit_image[sure & ~excused]], 1)
        np.add.at(void, matches.numbers[line.hit_image[excused]], 1)
    scores = table.column("score").to_pylist()
    said = np.array([sum(score >= SURE for score in of_image) for of_image in scores], np.int64)
    return _found_less_false(found, said - found - void)


def _detected_by_voc(table: pa.Table, classes: int, *, strict: bool) -> _Quality:
    """The same by VOC rules; matches of difficult objects are not counted."""
    from cvbench.compare.detections import voc_lines

    found, false = np.zeros(len(table), np.int64), np.zeros(len(table), np.int64)
    for line in voc_lines(table, classes, strict=strict):
        sure = line.score >= SURE
        np.add.at(found, line.image[sure & line.true], 1)
        np.add.at(false, line.image[sure & ~line.true], 1)
    return _found_less_false(found, false)


def _found_less_false(found: Int64[np.ndarray, " images"], false: Int64[np.ndarray, " images"]) -> _Quality:
    return _Quality((found - false).astype(np.float64), lambda i: f"{found[i]} found, {false[i]} false")


def _labelled(table: pa.Table) -> _Quality:
    hits, true = (flat(table, name).reshape(len(table), -1).sum(axis=1) for name in ("hits", "true"))
    share = hits / np.maximum(true, 1)
    return _Quality(share.astype(np.float64), lambda i: f"{share[i]:.1%} of the pixels")
