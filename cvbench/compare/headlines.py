"""Which figures stand for a cell: those that are shown first, ranked, and held at the gate."""

from __future__ import annotations

from cvbench.record import Measurement
from cvbench.spec.catalogue import METRICS

_OF_METRICS = frozenset(card.figures[0] for card in METRICS.values())
_OF_MACHINES = frozenset({"throughput", "peak_memory"})


def is_headline(figure: Measurement) -> bool:
    """The first figure of each metric, medians of timings, throughput, and peak memory."""
    return figure.name in _OF_METRICS | _OF_MACHINES or figure.name.endswith("_p50")
