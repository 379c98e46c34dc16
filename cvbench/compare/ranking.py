"""Rank several runs by significant differences, with the Pareto fronts of accuracy against cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from cvbench.boxes.array_types import Bool
from cvbench.compare.accuracy import Memory
from cvbench.compare.comparability import domain_of, is_primary
from cvbench.compare.comparison import findings
from cvbench.compare.differences import Difference, Finding, judge
from cvbench.compare.seeds import is_untrained, seeds_together, taken_together, titles, was_trained
from cvbench.record import Measurement, Record
from cvbench.statistics.mean_effects import of_pairs
from cvbench.statistics.verdicts import front, ranks
from cvbench.store import Run


@dataclass(frozen=True)
class Place:
    """The rank of one cell in one metric."""

    figure: str
    at: str
    unit: str
    value: float | None
    interval: tuple[float, float] | None
    rank: int | None
    """Shared by cells that nothing separates; None without a value, and for untrained accuracy."""


@dataclass(frozen=True)
class Ranked:
    """One cell in the ranking of its dataset."""

    run: str
    title: str
    key: str
    """The key of the first seed."""
    seeds: tuple[int, ...]
    """Its trainings: accuracy is their mean, costs are the first one's."""
    places: tuple[Place, ...]
    fronts: tuple[str, ...]
    """The costs against which its accuracy is on the Pareto front."""


@dataclass(frozen=True)
class Ranking:
    """All cells scored on one dataset, the best first."""

    data: str
    figures: tuple[tuple[str, str], ...]
    """Name and condition; the first is the accuracy, the others are costs."""
    cells: tuple[Ranked, ...]


class _Entry(NamedTuple):
    """A cell with all its trainings."""

    run: Run
    title: str
    records: tuple[Record, ...]
    """One per seed; a single record if the seed has no effect."""

    @property
    def first(self) -> Record:
        return self.records[0]


def rank(runs: Sequence[Run]) -> list[Ranking]:
    """One ranking per dataset and primary metric."""
    groups = dict[tuple[str, str, str], list[_Entry]]()
    for run in runs:
        for entry in _entries(run):
            leading = _leading(entry.first)
            assert leading is not None
            data = entry.first.cell.data
            groups.setdefault((data.name, data.split, leading.protocol), []).append(entry)
    return [_rank(f"{data} {split}", entries) for (data, split, _), entries in groups.items()]


def _entries(run: Run) -> Iterator[_Entry]:
    """The cells of a run with an accuracy; trainings that differ only in the seed are one entry."""
    records = [record for record in run.records() if _leading(record) is not None]
    named, folded = titles(records), titles(records, shown=("seed",))
    for places in seeds_together(records):
        those = [records[place] for place in places]
        if len(those) > 1 and all(map(was_trained, those)):
            yield _Entry(run, f"{folded[places[0]]}, {len(those)} seeds", tuple(those))
        else:
            yield from (_Entry(run, named[place], (records[place],)) for place in places)


def _leading(record: Record) -> Measurement | None:
    return next((m for m in record.measurements if domain_of(m) == "accuracy" and is_primary(m)), None)


def _rank(data: str, entries: Sequence[_Entry]) -> Ranking:
    leading = _leading(entries[0].first)
    assert leading is not None
    costs = dict.fromkeys(
        (m.name, m.at)
        for entry in entries
        for m in entry.first.measurements
        if is_primary(m) and domain_of(m) != "accuracy"
    )
    figures = ((leading.name, leading.at), *costs)
    better = _beaten(entries, figures)
    exact = [_exactly_equal(entries, figure) for figure in figures]
    fronts = {
        figure: front([better[0], better[k]], [exact[0], exact[k]]) & _have(entries, figures[0], figure)
        for k, figure in enumerate(figures)
        if k
    }
    placed = [ranks(beats) for beats in better]
    untrained = [is_untrained(entry.first) for entry in entries]
    cells = [
        Ranked(
            run=f"{entry.run.folder.parent.name}/{entry.run.folder.name}",
            title=entry.title,
            key=entry.first.key,
            seeds=tuple(record.cell.seed for record in entry.records),
            places=tuple(
                # The accuracy of random weights is meaningless.
                _place(entry, figure, None if untrained[i] and k == 0 else int(placed[k][i]))
                for k, figure in enumerate(figures)
            ),
            fronts=tuple(
                " ".join(figure).strip() for figure, on in fronts.items() if on[i] and not untrained[i]
            ),
        )
        for i, entry in enumerate(entries)
    ]
    cells.sort(key=lambda cell: (cell.places[0].rank or len(cells) + 1, -(cell.places[0].value or 0.0)))
    return Ranking(data, figures, tuple(cells))


def _place(entry: _Entry, figure: tuple[str, str], rank: int | None) -> Place:
    measured = entry.first.measurement(*figure)
    if measured is None or measured.value is None:
        return Place(*figure, unit=measured.unit if measured else "", value=None, interval=None, rank=None)
    value, interval = measured.value, measured.interval
    if len(entry.records) > 1 and domain_of(measured) == "accuracy":
        found = [record.measurement(*figure) for record in entry.records]
        known = of_pairs(np.array([m.value for m in found if m is not None and m.value is not None]))
        value, interval = known.estimate, known.limits(0.025)
    return Place(*figure, unit=measured.unit, value=value, interval=interval, rank=rank)


def _beaten(entries: Sequence[_Entry], figures: Sequence[tuple[str, str]]) -> list[Bool[np.ndarray, "n n"]]:
    """Per metric: which cell is significantly better than which; Holm over all pairs."""
    memory: Memory = {}
    n = len(entries)
    pairs = list(combinations(range(n), 2))
    sides = [(entries[i], entries[j]) for i, j in pairs]
    found = findings([((a.run, a.first), (b.run, b.first)) for a, b in sides], memory=memory)
    whole = [_over_seeds(own, a, b, figures[0], memory) for own, (a, b) in zip(found, sides, strict=True)]
    judged = iter(judge([one for of_pair in whole for one in of_pair]))
    tables = {figure: np.zeros((n, n), np.bool_) for figure in figures}
    for (i, j), of_pair in zip(pairs, whole, strict=True):
        for difference in (next(judged) for _ in of_pair):
            table = tables.get((difference.figure, difference.at))
            if table is not None:
                table[i, j], table[j, i] = _is(difference, "worse"), _is(difference, "better")
    return [tables[figure] for figure in figures]


def _over_seeds(
    found: list[Finding], a: _Entry, b: _Entry, leading: tuple[str, str], memory: Memory
) -> list[Finding]:
    """The findings of two cells' first trainings, with the accuracy over all common seeds."""
    other = {record.cell.seed: record for record in b.records}
    pairs = [(x, other[x.cell.seed]) for x in a.records if x.cell.seed in other]
    if len(pairs) < 2:
        return found
    several = [
        finding
        for of_seed in findings([((a.run, x), (b.run, y)) for x, y in pairs], only=leading[0], memory=memory)
        for finding in of_seed
        if (finding.draft.figure, finding.draft.at) == leading and finding.loss is not None
    ]
    if len(several) < len(pairs):
        return found
    apart = [one for one in found if (one.draft.figure, one.draft.at) != leading]
    return [*apart, taken_together(several)]


def _is(difference: Difference, word: str) -> bool:
    return difference.verdict == word


def _exactly_equal(entries: Sequence[_Entry], figure: tuple[str, str]) -> Bool[np.ndarray, "n n"]:
    """Which cells have exactly equal values; a missing value equals nothing."""
    found = [_place(entry, figure, 0).value for entry in entries]
    values = np.array([np.nan if value is None else value for value in found])
    return np.asarray(values[:, None] == values[None, :])


def _have(entries: Sequence[_Entry], *figures: tuple[str, str]) -> np.ndarray:
    there = (all(_place(entry, figure, 0).value is not None for figure in figures) for entry in entries)
    return np.fromiter(there, np.bool_, len(entries))


def table(ranking: Ranking) -> list[dict[str, str]]:
    """One row per cell: rank and value in each metric, and its Pareto fronts."""
    from cvbench.units import show_value

    several = len({cell.run for cell in ranking.cells}) > 1
    rows = []
    for cell in ranking.cells:
        row = {"run": cell.run if several else "", "cell": cell.title}
        for place in cell.places:
            name = f"{place.figure} {place.at}".strip()
            shown = "-" if place.value is None else f"{place.rank}. {show_value(place.value, place.unit)}"
            row[name] = shown
        row["Pareto front of accuracy against"] = ", ".join(cell.fronts) or "-"
        rows.append(row)
    return rows
