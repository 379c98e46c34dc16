"""Accuracy against its price, and who is beaten by nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool

from cvbench.record import Measurement, Record
from cvbench.report.page.charts import ScatterItem, scatter
from cvbench.report.page.views import Missing, PageRecord, Tradeoff, words
from cvbench.statistics.verdicts import front, ranks


class Estimate(NamedTuple):
    """A value and the ends between which it is believed."""

    value: float
    interval: tuple[float, float] | None

    @property
    def ends(self) -> tuple[float, float]:
        """The interval; of an exact value, the value twice."""
        return self.interval or (self.value, self.value)


def known(figure: Measurement | None) -> Estimate | None:
    """What a measurement knows; None where it is missing."""
    if figure is None or figure.value is None:
        return None
    return Estimate(figure.value, figure.interval)


def fastest(record: Record) -> Measurement | None:
    """The throughput of the batch that gives most."""
    found = [m for m in record.measurements if m.name == "throughput" and m.value is not None]
    return max(found, key=lambda m: m.value or 0.0, default=None)


def peak(record: Record) -> Measurement | None:
    """The most memory at any batch."""
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
    _Price(
        "latency",
        "latency p50, one batch at a time",
        lambda r: known(r.measurement("latency_p50")),
        "s",
        True,
    ),
    _Price(
        "throughput", "images a second, at the best batch", lambda r: known(fastest(r)), "images/s", False
    ),
    _Price("memory", "peak memory", lambda r: known(peak(r)), "bytes", True),
    _Price("MACs", "multiply-accumulates of one image", _macs, "MACs", True),
)


def beats(those: Sequence[Estimate], *, less_is_better: bool) -> Bool[np.ndarray, "n n"]:
    """Who is better than whom beyond doubt: their intervals do not touch."""
    low, high = np.array([k.ends for k in those]).T
    return np.asarray(high[:, None] < low if less_is_better else low[:, None] > high)


def equals(those: Sequence[Estimate]) -> Bool[np.ndarray, "n n"]:
    """Who is exactly as good as whom, without any uncertainty."""
    exact = np.array([k.interval is None for k in those])
    value = np.array([k.value for k in those])
    return np.asarray((value[:, None] == value) & exact & exact[:, None])


def rank_of(figures: Sequence[Measurement | None]) -> list[int | None]:
    """Each one's place by a figure; those that the intervals do not separate share one."""
    those = [(n, k) for n, figure in enumerate(figures) if (k := known(figure)) is not None]
    places: list[int | None] = [None] * len(figures)
    if those:
        direction = next(f.direction for f in figures if f is not None)
        found = ranks(beats([k for _, k in those], less_is_better=direction == "lower"))
        for (n, _), place in zip(those, found.tolist(), strict=True):
            places[n] = place
    return places


def tradeoffs(those: Sequence[PageRecord], primary: str) -> tuple[list[Tradeoff], list[Missing]]:
    """A chart for each price that at least two cells know beside the primary metric."""
    charts, missing = [], []
    for price in PRICES:
        priced = [
            (told, accuracy, cost)
            for told in those
            if (accuracy := known(told.record.measurement(primary))) is not None
            and (cost := price.of(told.record)) is not None
            and cost.value > 0
        ]
        if len(priced) < 2:
            missing.append(
                Missing(
                    f"{primary} against {price.label}",
                    f"{len(priced)} of {len(those)} cells have both figures",
                )
            )
            continue
        accuracies, costs = [a for _, a, _ in priced], [c for *_, c in priced]
        on_front = front(
            [beats(accuracies, less_is_better=False), beats(costs, less_is_better=price.less_is_better)],
            [equals(accuracies), equals(costs)],
        )
        items = [
            ScatterItem(t.title, f"#cell-{t.anchor}", c.value, c.interval, a.value, a.interval, bool(best))
            for (t, a, c), best in zip(priced, on_front, strict=True)
        ]
        chart = scatter(
            items,
            name=f"{primary} against {price.axis}, {len(items)} cells",
            x_label=price.axis,
            y_label=primary,
            x_words=lambda v, unit=price.unit: words(v, unit),  # type: ignore[misc]
            y_words=lambda v: words(v, "fraction"),
        )
        charts.append(Tradeoff(price.label, chart))
    return charts, missing
