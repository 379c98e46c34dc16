"""Curves of several cells in one chart: throughput by batch, work by intensity, precision by recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cvbench.report.page.cell_charts import RECALLS, recall_curves
from cvbench.report.page.charts import Axis, Chart, LineSeries, curves
from cvbench.report.page.views import Missing, PageRecord
from cvbench.report.scales import plain
from cvbench.units import show_count

ROOFLINE: Final = (
    "Work a second by work a byte, along the batches. The bytes are the least that must move. The roof is "
    "what a large matrix product and a large copy reached on the same machine."
)

ROOM: Final = 1.5
"""How far the roof goes on beside one batch alone, which has no width, and its own bend; a factor."""


def overlays(those: Sequence[PageRecord]) -> tuple[list[tuple[str, Chart]], list[Missing]]:
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
    work = _roofline(those)
    if work:
        chart = curves(
            work,
            name="work per second by arithmetic intensity",
            x=Axis("FLOP a byte", plain, log=True),
            y=Axis("FLOP/s", show_count, log=True),
        )
        charts.append((ROOFLINE, chart))
    else:
        missing.append(Missing("roofline", "the operations a byte of no cell were measured"))
    charts += _mean_curves(those)
    return charts, missing


def _sweep(told: PageRecord) -> LineSeries:
    points = sorted(
        (float(m.at.removeprefix("batch=")), m.value)
        for m in told.record.measurements
        if m.name == "throughput" and m.value and m.at.removeprefix("batch=").isdecimal()
    )
    return LineSeries(told.title, [x for x, _ in points], [y for _, y in points], f"#cell-{told.anchor}")


def _with_knee(sweep: LineSeries, told: PageRecord) -> LineSeries:
    """The sweep, its name told with the batch beyond which more images at once bring little.

    What lies beyond the largest batch is not known.
    """
    knee = told.record.measurement("knee_batch")
    if knee is None or knee.value is None or knee.value >= max(sweep.x, default=0):
        return sweep
    return sweep._replace(name=f"{sweep.name}, flat from {knee.value:g}")


def _mean_curves(those: Sequence[PageRecord]) -> list[tuple[str, Chart]]:
    """A chart for each metric that keeps curves of precision, a line a cell."""
    by_metric: dict[tuple[str, str], list[LineSeries]] = {}
    for told in those:
        for found in recall_curves(told.source.attached(told.record, "curves"), told.record):
            recalls = [i / 100 for i in range(RECALLS)]
            line = LineSeries(told.title, recalls, found.mean(), f"#cell-{told.anchor}")
            by_metric.setdefault((found.metric, found.figure), []).append(line)
    charts = []
    for (metric, figure), lines in by_metric.items():
        of = f" by {metric}" if len(by_metric) > 1 else ""
        chart = curves(
            lines,
            name=f"precision by recall at IoU 0.5{of}, mean of the classes",
            x=Axis("recall", plain, span=(0, 1)),
            y=Axis("precision", plain, span=(0, 1)),
        )
        area = "; the area is AP50" if figure == "AP50" else ""
        charts.append((f"Precision by recall at IoU 0.5{of}, the mean of all classes{area}.", chart))
    return charts


def _roofline(those: Sequence[PageRecord]) -> list[LineSeries]:
    """Operations a second by operations a byte, batch by batch, below what the machine does at best.

    Source: Williams, Waterman and Patterson, Roofline, Communications of the ACM 52, 2009. The roof is that
    of a large matrix product and of a large copy, the best of all cells' own.
    """
    found = [s for told in those if len((s := _work(told)).x)]
    if not found:
        return []
    ends = [min(x for s in found for x in s.x), max(x for s in found for x in s.x)]
    peak, copy = (_best(those, name) for name in ("matmul_rate", "copy_rate"))
    if peak and copy:
        bend = peak / copy
        if ends[0] == ends[1]:
            ends = [min(ends[0], bend) / ROOM, max(ends[1], bend) * ROOM]
        places = sorted({ends[0], min(max(bend, ends[0]), ends[1]), ends[1]})
        roof = [min(peak, copy * x) for x in places]
        found.append(LineSeries("the machine at best", places, roof, grey=True))
    return found


def _work(told: PageRecord) -> LineSeries:
    """A cell's own way below the roof."""
    flops = told.record.measurement("flops")
    points = []
    for figure in told.record.measurements:
        rate = told.record.measurement("throughput", figure.at)
        if figure.name == "arithmetic_intensity" and figure.value and rate and rate.value and flops:
            points.append((figure.value, (flops.value or 0.0) * rate.value))
    points.sort()
    return LineSeries(told.title, [x for x, _ in points], [y for _, y in points], f"#cell-{told.anchor}")


def _best(those: Sequence[PageRecord], name: str) -> float:
    figures = [told.record.measurement(name) for told in those]
    return max((f.value or 0.0 for f in figures if f is not None), default=0.0)
