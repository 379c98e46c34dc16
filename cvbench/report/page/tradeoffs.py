"""Accuracy against latency, throughput, memory and MACs, with the Pareto front; ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool

from cvbench.record import Measurement, Record
from cvbench.report.page.charts import Axis, ScatterItem, Standing, scatter
from cvbench.report.page.views import PageRecord, Tradeoff, words
from cvbench.statistics.verdicts import front, ranks


class Estimate(NamedTuple):
    """A value and its 95 % interval; None for an exact value."""

    value: float
    interval: tuple[float, float] | None
    withheld: bool = False
    """Whether no interval can be given: the value is not exact, and beats no other."""

    @property
    def ends(self) -> tuple[float, float]:
        """The interval; of an exact value, the value twice, and everything where it is withheld."""
        if self.withheld:
            return -math.inf, math.inf
        return self.interval or (self.value, self.value)


def known(measured: Measurement | None) -> Estimate | None:
    """The value and interval of a measurement; None where it is missing."""
    if measured is None or measured.value is None:
        return None
    return Estimate(measured.value, measured.interval, withheld=measured.interval_missing is not None)


def fastest(record: Record) -> Measurement | None:
    """The throughput at the best batch size."""
    found = [m for m in record.measurements if m.name == "throughput" and m.value is not None]
    return max(found, key=lambda m: m.value or 0.0, default=None)


def peak(record: Record) -> Measurement | None:
    """The most memory at any batch size."""
    found = [m for m in record.measurements if m.name == "peak_memory" and m.value is not None]
    return max(found, key=lambda m: m.value or 0.0, default=None)


def _macs(record: Record) -> Estimate | None:
    macs = record.artifact.macs if record.artifact else None
    return Estimate(float(macs), None) if macs else None


class _Price(NamedTuple):
    label: str
    axis: str
    of: Callable[[Record], Estimate | None]
    unit: str
    less_is_better: bool


PRICES: Final = (
    _Price("latency", "latency p50", lambda r: known(r.measurement("latency_p50")), "s", True),
    _Price("throughput", "throughput at the best batch size", lambda r: known(fastest(r)), "images/s", False),
    _Price("memory", "peak memory", lambda r: known(peak(r)), "bytes", True),
    _Price("MACs", "multiply-accumulates per image", _macs, "MACs", True),
)


def beats(estimates: Sequence[Estimate], *, less_is_better: bool) -> Bool[np.ndarray, "n n"]:
    """Whether the row's estimate is significantly better than the column's: no overlap of intervals."""
    low, high = np.array([k.ends for k in estimates]).T
    return np.asarray(high[:, None] < low if less_is_better else low[:, None] > high)


def equals(estimates: Sequence[Estimate]) -> Bool[np.ndarray, "n n"]:
    """Whether the row's value is exact and equals the column's exact value."""
    exact = np.array([k.interval is None and not k.withheld for k in estimates])
    value = np.array([k.value for k in estimates])
    return np.asarray((value[:, None] == value) & exact & exact[:, None])


def rank_of(measured: Sequence[Measurement | None]) -> list[int | None]:
    """The rank of each measurement; measurements whose intervals overlap share a rank."""
    found = [(n, k) for n, one in enumerate(measured) if (k := known(one)) is not None]
    places: list[int | None] = [None] * len(measured)
    if found:
        direction = next(one.direction for one in measured if one is not None)
        ranked = ranks(beats([k for _, k in found], less_is_better=direction == "lower"))
        for (n, _), place in zip(found, ranked.tolist(), strict=True):
            places[n] = place
    return places


def standings(
    accuracies: Sequence[Estimate], costs: Sequence[Estimate], *, less_is_better: bool
) -> list[Standing]:
    """Where each cell is relative to the Pareto front of the point estimates.

    `front`: no cell has a better estimate on one axis and one at least as good on the other, so a line
    through these cells is monotone. `near`: dominated, but not significantly. `dominated`: significantly.
    """
    exact = [[Estimate(k.value, None) for k in several] for several in (accuracies, costs)]

    def on_front(accuracy: Sequence[Estimate], cost: Sequence[Estimate]) -> list[bool]:
        better = [beats(accuracy, less_is_better=False), beats(cost, less_is_better=less_is_better)]
        return list(front(better, [equals(accuracy), equals(cost)]).tolist())

    by_estimate, by_interval = on_front(*exact), on_front(accuracies, costs)
    return [
        "front" if best else "near" if close else "dominated"
        for best, close in zip(by_estimate, by_interval, strict=True)
    ]


def tradeoffs(cells: Sequence[PageRecord], primary: str) -> list[Tradeoff]:
    """A chart for each price that at least two cells have in addition to the primary metric."""
    charts = []
    for price in PRICES:
        priced = [
            (one, accuracy, cost)
            for one in cells
            if (accuracy := known(one.record.measurement(primary))) is not None
            and (cost := price.of(one.record)) is not None
            and cost.value > 0
        ]
        if len(priced) < 2:
            continue
        found = standings(
            [a for _, a, _ in priced], [c for *_, c in priced], less_is_better=price.less_is_better
        )
        items = [
            ScatterItem(t.title, f"#cell-{t.anchor}", c.value, c.interval, a.value, a.interval, standing)
            for (t, a, c), standing in zip(priced, found, strict=True)
        ]
        x = Axis(price.axis, lambda v, unit=price.unit: words(v, unit), price.unit, log=True)  # type: ignore[misc]
        y = Axis(primary, lambda v: words(v, "fraction"), "fraction")
        name = f"{primary} against {price.axis}, {len(items)} cells"
        charts.append(Tradeoff(price.label, scatter(items, name=name, x=x, y=y)))
    return charts
