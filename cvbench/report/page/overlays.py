"""Curves of several cells in one chart: throughput by batch, work by intensity, precision by recall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from cvbench.report.page.attached import attached
from cvbench.report.page.charts import Axis, Chart, Series, curves
from cvbench.report.page.scales import plain
from cvbench.report.page.titles import Told
from cvbench.report.page.views import Missing
from cvbench.units import show_count

ROOFLINE: Final = (
    "Work a second by work a byte, along the batches. The bytes are the least that must move (weights and "
    "inputs once a batch). No roof is drawn: the machine's peaks are not measured."
)


def overlays(those: Sequence[Told]) -> tuple[list[tuple[str, Chart]], list[Missing]]:
    """Curves of several cells in one chart: precision, and throughput by batch."""
    charts: list[tuple[str, Chart]] = []
    missing: list[Missing] = []
    sweeps = [_with_knee(s, told) for told in those if len((s := _sweep(told)).x) > 1]
    if sweeps:
        chart = curves(
            sweeps,
            name="throughput by batch",
            x=Axis("batch", plain, log=True),
            y=Axis("images/s", show_count, log=True),
        )
        charts.append(
            ("Throughput by batch: where a line turns flat, larger batches give nothing more.", chart)
        )
    else:
        missing.append(Missing("throughput by batch", "no cell was timed at several batches"))
    work = [w for told in those if (w := _work(told)) is not None]
    if work:
        chart = curves(
            work,
            name="work per second by arithmetic intensity",
            x=Axis("FLOP a byte", plain, log=True),
            y=Axis("FLOP/s", show_count, log=True),
        )
        charts.append((ROOFLINE, chart))
    else:
        missing.append(Missing("roofline", "no cell has MACs and throughput at several batches"))
    mean = [c for told in those if (c := _mean_curve(told)) is not None]
    if mean:
        chart = curves(
            mean,
            name="precision by recall at IoU 0.5, mean of the classes",
            x=Axis("recall", plain, span=(0, 1)),
            y=Axis("precision", plain, span=(0, 1)),
        )
        charts.append(("Precision by recall at IoU 0.5, the mean of all classes; the area is AP50.", chart))
    return charts, missing


def _sweep(told: Told) -> Series:
    points = sorted(
        (float(m.at.removeprefix("batch=")), m.value)
        for m in told.record.measurements
        if m.name == "throughput" and m.value and m.at.removeprefix("batch=").isdecimal()
    )
    return Series(told.title, [x for x, _ in points], [y for _, y in points], f"#cell-{told.anchor}")


def _with_knee(sweep: Series, told: Told) -> Series:
    """The sweep, its name told with the batch beyond which more images at once bring little."""
    knee = told.record.measurement("knee_batch")
    if knee is None or knee.value is None:
        return sweep
    return sweep._replace(name=f"{sweep.name}, flat from {knee.value:g}")


def _mean_curve(told: Told) -> Series | None:
    for found in attached(told.source.run, told.record, "curves"):
        columns = found.columns()
        recalls = [i / 100 for i in range(101)]
        total, labels = dict.fromkeys(range(101), 0.0), set()
        for label, iou, recall, precision in zip(
            columns["label"], columns["iou"], columns["recall"], columns["precision"], strict=True
        ):
            if iou == 0.5:
                labels.add(label)
                total[round(100 * recall)] += precision
        if labels:
            mean = [total[i] / len(labels) for i in range(101)]
            return Series(told.title, recalls, mean, f"#cell-{told.anchor}")
    return None


def _work(told: Told) -> Series | None:
    """Operations a second against operations a byte, batch by batch.

    Source: Williams, Waterman and Patterson, Roofline, Communications of the ACM 52, 2009. Two operations a
    MAC; the bytes are the least that must move: all weights and the inputs, once a batch, in fp32.
    """
    artifact, sweep = told.record.artifact, _sweep(told)
    if artifact is None or not artifact.macs or len(sweep.x) < 2:
        return None
    per_image = 2 * artifact.macs
    inputs = math.prod(artifact.input)
    intensity = [per_image * batch / (4 * (artifact.parameters + batch * inputs)) for batch in sweep.x]
    return Series(told.title, intensity, [per_image * rate for rate in sweep.y], sweep.href)
