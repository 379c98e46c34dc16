"""Curves of precision as they were kept with a record, whichever metric kept them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cvbench.compare.attachments import Attached
from cvbench.record import Record

RECALLS = 101


class RecallCurves(NamedTuple):
    """Precision by recall at IoU 0.5, class by class."""

    metric: str
    """Who kept them; several names where several metrics have the same curves."""
    figure: str
    """The figure that they explain, and behind it each class's own share."""
    classes: Sequence[str]
    by_class: dict[int, list[tuple[float, float]]]
    """Label → recall and precision. Recalls that are not reached have no point."""
    average: dict[int, float]
    """Label → the figure's value of that class."""

    def mean(self) -> list[float]:
        """The mean of all classes at each hundredth of recall."""
        total = [0.0] * RECALLS
        for points in self.by_class.values():
            for recall, precision in points:
                total[round(100 * recall)] += precision
        return [one / len(self.by_class) for one in total]


def recall_curves(files: Sequence[Attached], record: Record) -> list[RecallCurves]:
    """What a record's files of curves hold of objects to be found; metrics with equal curves share one."""
    found: list[RecallCurves] = []
    for file in files:
        own = _read(file, record)
        same = next((n for n, other in enumerate(found) if other.by_class == own.by_class), None)
        if same is not None:
            found[same] = found[same]._replace(metric=f"{found[same].metric}, {own.metric}")
        elif own.by_class:
            found.append(own)
    return found


def _read(file: Attached, record: Record) -> RecallCurves:
    columns = file.columns()
    by_class: dict[int, list[tuple[float, float]]] = {}
    for label, iou, recall, precision in zip(
        columns["label"], columns["iou"], columns["recall"], columns["precision"], strict=True
    ):
        if iou == 0.5:
            by_class.setdefault(label, []).append((recall, precision))
    average = {label: sum(p for _, p in points) / RECALLS for label, points in by_class.items()}
    figure = "AP50"
    for measured in record.measurements:
        if measured.protocol == file.about.get("protocol") and measured.name == "mAP":
            figure = "AP"
            parts = enumerate(measured.parts)
            average |= {k: part.value for k, part in parts if k in by_class and part.value is not None}
    return RecallCurves(file.name, figure, file.classes, by_class, average)
