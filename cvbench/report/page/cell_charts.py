"""One cell's curves: latencies one by one, the loss while training, precision by recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from cvbench.record import Curve, Record
from cvbench.report.frame import Attached, Source
from cvbench.report.page.charts import Axis, Chart, LineSeries, curves, histogram, in_order
from cvbench.report.page.views import Missing, finds_objects
from cvbench.report.scales import plain
from cvbench.units import show_seconds

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


CURVES_SHOWN: Final = 8
"""Classes whose curves are drawn: the best and the worst half each, where there are more."""

Charts: TypeAlias = tuple[list[tuple[str, Chart]], list[Missing]]
"""Charts with their captions, and what is not there."""


def timings(source: Source, record: Record) -> Charts:
    """The raw latencies: how often which came, and in which order."""
    files = [f for f in source.attached(record, "samples") if f.name.startswith("latency@")]
    if not files:
        return [], [Missing("latencies one by one", "no raw samples of latency are kept")]
    [first, *_] = files
    name = first.name.partition("@")[0]
    values = np.asarray(first.table.column(name), np.float64)
    if "valid" in first.table.column_names:
        values = values[np.asarray(first.table.column("valid"), bool)]
    if len(values) == 0:
        return [], [Missing("latencies one by one", "no sample is valid")]
    at = first.name.partition("@")[2].replace("=", " ")
    spread = histogram(
        values,
        name=f"histogram of {len(values)} latencies, {at}",
        x_label=f"latency, {at}",
        words=show_seconds,
    )
    order = in_order(
        values,
        name=f"{len(values)} latencies in the order in which they were taken",
        y_label="latency",
        words=show_seconds,
    )
    return [
        (f"How long each of {len(values):,} calls took, {at}; the last bar holds everything above.", spread),
        ("The same calls in order: steps and slopes are the machine's, not the model's.", order),
    ], []


def training(record: Record) -> Charts:
    """The loss while training."""
    if record.curve is None or len(record.curve.step) < 2:
        return [], [Missing("the loss while training", _untrained(record, record.curve))]
    curve = record.curve
    series = [LineSeries(name, curve.epoch, values) for name, values in curve.terms.items()]
    if len(series) > 1:
        total = [sum(parts) for parts in zip(*curve.terms.values(), strict=True)]
        series.insert(0, LineSeries("sum", curve.epoch, total))
    positive = all(value > 0 for one in series for value in one.y)
    chart = curves(
        series,
        name="loss by epoch",
        x=Axis("epoch", plain),
        y=Axis("loss", lambda v: f"{v:.3g}", log=positive),
    )
    return [("The loss while training, averaged between two points.", chart)], []


def _untrained(record: Record, curve: Curve | None) -> str:
    if curve is not None:
        return "only one point was logged"
    return "it was not trained here" if record.cell.train is None else "no points were logged"


def precision(source: Source, record: Record) -> Charts:
    """Precision by recall, class by class."""
    files = source.attached(record, "curves")
    if not files:
        why = "its metrics keep none" if finds_objects(record) else ""
        return [], [Missing("curves of precision", why)] if why else []
    found = recall_curves(files, record)
    if not found:
        return [], [Missing("curves of precision", "there is no object to be found")]
    return [_precision(one, several=len(found) > 1) for one in found], []


def _precision(found: RecallCurves, *, several: bool) -> tuple[str, Chart]:
    classes, average = found.classes, found.average
    order = sorted(found.by_class, key=lambda label: -average[label])
    if len(order) > CURVES_SHOWN:
        order = [*order[: CURVES_SHOWN // 2], *order[-CURVES_SHOWN // 2 :]]
    series = [
        LineSeries(
            f"{classes[label]} {average[label]:.2f}",
            [r for r, _ in found.by_class[label]],
            [p for _, p in found.by_class[label]],
        )
        for label in order
    ]
    of = f" by {found.metric}" if several else ""
    chart = curves(
        series,
        name=f"precision by recall of each class at IoU 0.5{of}",
        x=Axis("recall", plain, span=(0, 1)),
        y=Axis("precision", plain, span=(0, 1)),
    )
    many = len(found.by_class)
    some = f", the best and the worst of {many} classes" if many > CURVES_SHOWN else ""
    return f"Precision by recall at IoU 0.5{of}{some}; behind each class its {found.figure}.", chart
