"""Rows of a table: cells that differ only in their seed are one row, with mean and standard deviation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from cvbench.compare.seeds import seeds_together
from cvbench.record import Measurement, Record
from cvbench.statistics.distributions import special

NOTE = "± is the standard deviation over n seeds; cvbench show RUN --seeds separate shows each seed"
"""The note below a table with folded seeds."""


@dataclass(frozen=True)
class SeedRow:
    """One row of a table: a record, or the records of one cell with several seeds."""

    record: Record
    """The only record, or the first one with the mean over the seeds in place of each value."""
    seeds: tuple[int, ...]
    deviations: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Name and condition of a measurement → standard deviation over the seeds (n - 1)."""

    def deviation(self, figure: Measurement | None) -> float | None:
        """The standard deviation of a measurement over the seeds; None for a single seed."""
        return None if figure is None else self.deviations.get((figure.name, figure.at))

    @property
    def told_seeds(self) -> str:
        """`0, 1, 2 (n = 3)`, or the single seed."""
        if len(self.seeds) == 1:
            return str(self.seeds[0])
        listed = ", ".join(map(str, self.seeds)) if len(self.seeds) <= 5 else f"{self.seeds[0]} …"
        return f"{listed} (n = {len(self.seeds)})"


def table_rows(records: Sequence[Record], *, separate: bool = False) -> list[tuple[SeedRow, int]]:
    """Each row with the index of its first record; `separate` keeps one row per record.

    Only cells with outcome ok are folded. A seed that occurs twice, as in two runs, begins another row:
    records are ordered by run.
    """
    if separate:
        return [(SeedRow(record, (record.cell.seed,)), place) for place, record in enumerate(records)]
    found = list[list[int]]()
    for places in seeds_together(records):
        folded = list[list[int]]()
        for place in places:
            seeds = {records[other].cell.seed for other in folded[-1]} if folded else set()
            if records[place].outcome != "ok":
                found.append([place])
            elif folded and records[place].cell.seed not in seeds:
                folded[-1].append(place)
            else:
                folded.append([place])
        found += folded
    return [(_folded([records[p] for p in places]), places[0]) for places in sorted(found)]


def _folded(records: Sequence[Record]) -> SeedRow:
    first, seeds = records[0], tuple(record.cell.seed for record in records)
    if len(records) == 1:
        return SeedRow(first, seeds)
    measurements, deviations = list[Measurement](), dict[tuple[str, str], float]()
    for own in first.measurements:
        several = [record.measurement(own.name, own.at) for record in records]
        known = [m for m in several if m is not None and m.value is not None]
        if own.value is None or len(known) < len(records):
            measurements.append(own if own.value is None else _missing(own, len(records) - len(known)))
            continue
        values = [m.value for m in known if m.value is not None]
        mean, deviations[own.name, own.at] = fmean(values), stdev(values)
        withheld = next((m.interval_missing for m in known if m.interval_missing is not None), None)
        interval = None if withheld else _interval(known, mean, stdev(values))
        update = {"value": mean, "interval": interval, "interval_missing": withheld, "parts": ()}
        measurements.append(own.model_copy(update=update))
    cautions = tuple(dict.fromkeys(line for record in records for line in record.cautions))
    folded = {"measurements": tuple(measurements), "cautions": cautions}
    return SeedRow(first.model_copy(update=folded), seeds, deviations)


def _missing(figure: Measurement, count: int) -> Measurement:
    missing = f"{count} seed{'s have' if count > 1 else ' has'} no value"
    return figure.model_copy(
        update={"value": None, "interval": None, "interval_missing": None, "missing": missing}
    )


def _interval(figures: Sequence[Measurement], mean: float, deviation: float) -> tuple[float, float]:
    """The interval for ranks: it covers the variation over seeds (Student's t, 95 %) and over images."""
    n = len(figures)
    reach = float(special.stdtrit(n - 1.0, 0.975)) * deviation / math.sqrt(n)
    ends = [figure.interval or (mean, mean) for figure in figures]
    return min(mean - reach, fmean(low for low, _ in ends)), max(
        mean + reach, fmean(high for _, high in ends)
    )
