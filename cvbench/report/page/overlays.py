"""Charts over several cells: throughput by batch size, roofline, precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cvbench.report.page.cell_charts import RECALLS, recall_curves
from cvbench.report.page.charts import Axis, Chart, LineSeries, curves
from cvbench.report.page.views import PageRecord
from cvbench.report.scales import plain
from cvbench.units import show_count

ROOFLINE: Final = (
    "Roofline: FLOP/s against arithmetic intensity (FLOP/byte), one point per batch size. Bytes are the "
    "least that must be moved. The hardware limit was measured: a large matrix product and a large copy."
)

ROOM: Final = 1.5
"""A factor: how far the hardware limit extends to both sides of a single batch size and the bend."""


def overlays(cells: Sequence[PageRecord]) -> list[tuple[str, Chart]]:
    """Captions and charts; a chart that would have no line is left out."""
    charts: list[tuple[str, Chart]] = []
    sweeps = [_with_knee(s, one) for one in cells if len((s := _sweep(one)).x) > 1]
    if sweeps:
        chart = curves(
            sweeps,
            name="throughput by batch size",
            x=Axis("batch size", plain, "images", log=True, marked=sorted({x for s in sweeps for x in s.x})),
            y=Axis("throughput", show_count, "images/s", log=True),
        )
        charts.append(("Throughput by batch size. Where a line is flat, larger batches gain nothing.", chart))
    work = _roofline(cells)
    if work:
        chart = curves(
            work,
            name="roofline: FLOP/s by arithmetic intensity",
            x=Axis("arithmetic intensity", plain, "FLOP/byte", log=True),
            y=Axis("performance", show_count, "FLOP/s", log=True),
        )
        charts.append((ROOFLINE, chart))
    return charts + _mean_curves(cells)


def _sweep(one: PageRecord) -> LineSeries:
    points = sorted(
        (float(m.at.removeprefix("batch=")), m.value)
        for m in one.record.measurements
        if m.name == "throughput" and m.value and m.at.removeprefix("batch=").isdecimal()
    )
    return LineSeries(one.title, [x for x, _ in points], [y for _, y in points], f"#cell-{one.anchor}")


def _with_knee(sweep: LineSeries, one: PageRecord) -> LineSeries:
    """The sweep, with the batch size in its name from which on larger batches gain little.

    A knee at the largest batch size is not shown: larger ones were not measured.
    """
    knee = one.record.measurement("knee_batch")
    if knee is None or knee.value is None or knee.value >= max(sweep.x, default=0):
        return sweep
    return sweep._replace(name=f"{sweep.name}, flat from {knee.value:g}")


def _mean_curves(cells: Sequence[PageRecord]) -> list[tuple[str, Chart]]:
    """A chart for each metric that stores precision-recall curves, one line per cell."""
    by_metric: dict[tuple[str, str], list[LineSeries]] = {}
    for one in cells:
        for found in recall_curves(one.source.attached(one.record, "curves"), one.record):
            recalls = [i / 100 for i in range(RECALLS)]
            line = LineSeries(one.title, recalls, found.mean(), f"#cell-{one.anchor}")
            by_metric.setdefault((found.metric, found.summary), []).append(line)
    charts = []
    for (metric, summary), lines in by_metric.items():
        of = f" ({metric})" if len(by_metric) > 1 else ""
        chart = curves(
            lines,
            name=f"precision-recall curves at IoU 0.5{of}, mean over classes",
            x=Axis("recall", plain, span=(0, 1)),
            y=Axis("precision", plain, span=(0, 1)),
        )
        area = " The area below a curve is its AP50." if summary == "AP50" else ""
        charts.append((f"Precision-recall curves at IoU 0.5{of}, mean over classes.{area}", chart))
    return charts


def _roofline(cells: Sequence[PageRecord]) -> list[LineSeries]:
    """FLOP/s against FLOP/byte, one point per batch size, below the hardware limit; empty for a single point.

    Source: Williams, Waterman and Patterson, Roofline, Communications of the ACM 52, 2009. The limit is the
    best rate of a large matrix product and of a large copy over all cells.
    """
    found = [s for one in cells if len((s := _work(one)).x)]
    if not found:
        return []
    ends = [min(x for s in found for x in s.x), max(x for s in found for x in s.x)]
    peak, copy = (_best(cells, name) for name in ("matmul_rate", "copy_rate"))
    if peak and copy:
        bend = peak / copy
        if ends[0] == ends[1]:
            ends = [min(ends[0], bend) / ROOM, max(ends[1], bend) * ROOM]
        places = sorted({ends[0], min(max(bend, ends[0]), ends[1]), ends[1]})
        roof = [min(peak, copy * x) for x in places]
        found.append(LineSeries("hardware limit (measured)", places, roof, gray=True))
    return found if sum(len(s.x) for s in found) > 1 else []


def _work(one: PageRecord) -> LineSeries:
    """FLOP/byte and FLOP/s of a cell at each batch size."""
    flops = one.record.measurement("flops")
    points = []
    for measured in one.record.measurements:
        rate = one.record.measurement("throughput", measured.at)
        if measured.name == "arithmetic_intensity" and measured.value and rate and rate.value and flops:
            points.append((measured.value, (flops.value or 0.0) * rate.value))
    points.sort()
    return LineSeries(one.title, [x for x, _ in points], [y for _, y in points], f"#cell-{one.anchor}")


def _best(cells: Sequence[PageRecord], name: str) -> float:
    measured = [one.record.measurement(name) for one in cells]
    return max((m.value or 0.0 for m in measured if m is not None), default=0.0)
