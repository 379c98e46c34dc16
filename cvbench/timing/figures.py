"""From raw samples to measurements, by the same rules in `cvbench run` and `cvbench show --samples`."""

from __future__ import annotations

from collections.abc import Sequence

from cvbench.record import Measurement
from cvbench.timing.end_to_end import stage_figures
from cvbench.timing.energy import ENERGY, IDLE, POWER, energy_figures
from cvbench.timing.latency import latency_figures, p50
from cvbench.timing.series import Series
from cvbench.timing.throughput import knee, throughput_figure
from cvbench.timing.training import PARTS_PROTOCOL, PREFIX


def figures_of(series: Sequence[Series]) -> list[Measurement]:
    """All measurements of these series, in their order; needs no torch."""
    apart = (ENERGY, POWER, IDLE)
    plain = [one for one in series if not one.name.startswith("stage_") and one.name not in apart]
    found = [figure for one in plain for figure in _figures(one)]
    turning = knee([figure for figure in found if figure.name == "throughput"])
    return [*found, *([turning] if turning else []), *stage_figures(series), *energy_figures(series)]


def _figures(series: Series) -> list[Measurement]:
    if series.unit == "images/s":
        return [throughput_figure(series)]
    if series.name.startswith(PREFIX):
        return [p50(series, PARTS_PROTOCOL)]
    return latency_figures(series)
