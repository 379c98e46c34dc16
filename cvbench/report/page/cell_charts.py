"""Charts of one cell: latency distribution, training loss, precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from cvbench.record import Record
from cvbench.report.frame import Attached, Source
from cvbench.report.page.charts import Axis, Chart, LineSeries, curves, histogram, in_order
from cvbench.report.scales import plain
from cvbench.units import show_seconds

RECALLS = 101


class RecallCurves(NamedTuple):
    """Precision-recall curves at IoU 0.5, one per class."""

    metric: str
    """The metric that stored them; several names where several metrics have the same curves."""
    summary: str
    """The value that summarizes the curves: `AP` or `AP50`."""
    classes: Sequence[str]
    by_class: dict[int, list[tuple[float, float]]]
    """Label → (recall, precision); a recall that is not reached has no point."""
    average: dict[int, float]
    """Label → the summary's value of that class."""

    def mean(self) -> list[float]:
        """Mean precision over all classes at each hundredth of recall."""
        total = [0.0] * RECALLS
        for points in self.by_class.values():
            for recall, precision in points:
                total[round(100 * recall)] += precision
        return [one / len(self.by_class) for one in total]


def recall_curves(files: Sequence[Attached], record: Record) -> list[RecallCurves]:
    """The curves of a record's attachments; metrics with equal curves share one."""
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
    summary = "AP50"
    for measured in record.measurements:
        if measured.protocol == file.about.get("protocol") and measured.name == "mAP":
            summary = "AP"
            parts = enumerate(measured.parts)
            average |= {k: part.value for k, part in parts if k in by_class and part.value is not None}
    return RecallCurves(file.name, summary, file.classes, by_class, average)


CURVES_SHOWN: Final = 8
"""Classes whose curves are drawn: where there are more, half of these are the best, half the worst."""

Charts: TypeAlias = list[tuple[str, Chart]]
"""Captions and charts; none where the run stored no data for them."""


def timings(source: Source, record: Record) -> Charts:
    """The distribution of the raw latencies, and the latencies over time."""
    files = [f for f in source.attached(record, "samples") if f.name.startswith("latency@")]
    if not files:
        return []
    [first, *_] = files
    name = first.name.partition("@")[0]
    values = np.asarray(first.table.column(name), np.float64)
    if "valid" in first.table.column_names:
        values = values[np.asarray(first.table.column("valid"), bool)]
    if len(values) < 2:
        return []
    at = first.name.partition("@")[2].replace("=", " ")
    spread = histogram(
        values,
        name=f"histogram of {len(values)} latencies at {at}",
        x_label=f"latency at {at}",
        unit="s",
        words=show_seconds,
    )
    order = in_order(
        values,
        name=f"{len(values)} latencies in the order they were measured",
        y_label="latency",
        unit="s",
        words=show_seconds,
    )
    return [
        (f"Latency distribution, {len(values):,} calls at {at} (last bin: overflow).", spread),
        ("Latency over time (drift or steps indicate machine noise).", order),
    ]


def training(record: Record) -> Charts:
    """The training loss."""
    if record.curve is None or len(record.curve.step) < 2:
        return []
    curve = record.curve
    series = [LineSeries(name, curve.epoch, values) for name, values in curve.terms.items()]
    if len(series) > 1:
        total = [sum(parts) for parts in zip(*curve.terms.values(), strict=True)]
        series.insert(0, LineSeries("total", curve.epoch, total))
    positive = all(value > 0 for one in series for value in one.y)
    chart = curves(
        series,
        name="loss by epoch",
        x=Axis("epoch", plain),
        y=Axis("loss", lambda v: f"{v:.3g}", log=positive),
    )
    return [("Training loss. Each point is the mean since the point before.", chart)]


def precision(source: Source, record: Record) -> Charts:
    """Precision-recall curves, one per class."""
    found = recall_curves(source.attached(record, "curves"), record)
    drawn = [one for one in found if max(map(len, one.by_class.values())) > 1]
    return [_precision(one, several=len(drawn) > 1) for one in drawn]


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
    of = f" ({found.metric})" if several else ""
    chart = curves(
        series,
        name=f"precision-recall curve of each class at IoU 0.5{of}",
        x=Axis("recall", plain, span=(0, 1)),
        y=Axis("precision", plain, span=(0, 1)),
    )
    many = len(found.by_class)
    some = f", best and worst of {many} classes" if many > CURVES_SHOWN else ""
    return (
        f"Precision-recall curves at IoU 0.5{of}{some}. The legend shows the {found.summary} of each class.",
        chart,
    )
