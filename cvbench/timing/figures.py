"""From raw samples to figures: the same rules while a suite runs and when a run is looked at again."""

from __future__ import annotations

from collections.abc import Iterable

from cvbench.record import Measurement
from cvbench.timing.latency import latency_figures
from cvbench.timing.series import Series
from cvbench.timing.throughput import throughput_figure


def figures_of(series: Iterable[Series]) -> list[Measurement]:
    """Every figure that these samples carry, in their order; needs no torch."""
    return [figure for one in series for figure in _figures(one)]


def _figures(series: Series) -> list[Measurement]:
    return latency_figures(series) if series.name == "latency" else [throughput_figure(series)]
