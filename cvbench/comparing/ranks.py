"""Several runs ranked: places that the intervals carry, and the fronts of accuracy against cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cvbench.comparing.accuracy import Memory
from cvbench.comparing.comparison import findings
from cvbench.comparing.contract import domain_of
from cvbench.comparing.differences import Difference, judge
from cvbench.comparing.headlines import is_headline
from cvbench.record import Measurement, Record
from cvbench.statistics.ranking import Beats, front, ranks
from cvbench.store import Run


@dataclass(frozen=True)
class Place:
    """One cell's place in one figure."""

    figure: str
    at: str
    unit: str
    value: float | None
    interval: tuple[float, float] | None
    rank: int | None
    """Shared by those that nothing separates; None without a value."""


@dataclass(frozen=True)
class Ranked:
    """One cell among all of its data set."""

    run: str
    title: str
    key: str
    places: tuple[Place, ...]
    fronts: tuple[str, ...]
    """The costs against which its accuracy is on the Pareto front."""


@dataclass(frozen=True)
class Ranking:
    """All cells that were scored on one data set, the best first."""

    data: str
    figures: tuple[tuple[str, str], ...]
    """Name and condition; the first is the accuracy, the others are costs."""
    cells: tuple[Ranked, ...]


def rank(runs: Sequence[Run]) -> list[Ranking]:
    """A ranking for each data set and leading metric that occurs."""
    groups = dict[tuple[str, str, str], list[tuple[Run, Record]]]()
    for run in runs:
        for record in run.records():
            leading = _leading(record)
            if leading is not None:
                group = record.cell.data.name, record.cell.data.split, leading.protocol
                groups.setdefault(group, []).append((run, record))
    return [_rank(f"{data} {split}", entries) for (data, split, _), entries in groups.items()]


def _leading(record: Record) -> Measurement | None:
    return next((m for m in record.measurements if domain_of(m) == "accuracy" and is_headline(m)), None)


def _rank(data: str, entries: Sequence[tuple[Run, Record]]) -> Ranking:
    leading = _leading(entries[0][1])
    assert leading is not None
    costs = dict.fromkeys(
        (m.name, m.at)
        for _, record in entries
        for m in record.measurements
        if is_headline(m) and domain_of(m) != "accuracy"
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
    cells = [
        Ranked(
            run=f"{run.folder.parent.name}/{run.folder.name}",
            title=record.cell.title,
            key=record.key,
            places=tuple(_place(record, figure, int(placed[k][i])) for k, figure in enumerate(figures)),
            fronts=tuple(" ".join(figure).strip() for figure, on in fronts.items() if on[i]),
        )
        for i, (run, record) in enumerate(entries)
    ]
    cells.sort(key=lambda cell: (cell.places[0].rank or len(cells) + 1, -(cell.places[0].value or 0.0)))
    return Ranking(data, figures, tuple(cells))


def _place(record: Record, figure: tuple[str, str], rank: int) -> Place:
    measured = record.measurement(*figure)
    if measured is None or measured.value is None:
        return Place(*figure, unit=measured.unit if measured else "", value=None, interval=None, rank=None)
    return Place(*figure, unit=measured.unit, value=measured.value, interval=measured.interval, rank=rank)


def _beaten(entries: Sequence[tuple[Run, Record]], figures: Sequence[tuple[str, str]]) -> list[Beats]:
    """Of each figure, who is better than whom beyond doubt; Holm over all pairs."""
    memory: Memory = {}
    n = len(entries)
    pairs = list(combinations(range(n), 2))
    found = list(findings([(entries[i], entries[j]) for i, j in pairs], memory=memory))
    judged = iter(judge([one for of_pair in found for one in of_pair]))
    tables = {figure: np.zeros((n, n), np.bool_) for figure in figures}
    for (i, j), of_pair in zip(pairs, found, strict=True):
        for difference in (next(judged) for _ in of_pair):
            table = tables.get((difference.figure, difference.at))
            if table is not None:
                table[i, j], table[j, i] = _is(difference, "worse"), _is(difference, "better")
    return [tables[figure] for figure in figures]


def _is(difference: Difference, word: str) -> bool:
    return difference.verdict == word


def _exactly_equal(entries: Sequence[tuple[Run, Record]], figure: tuple[str, str]) -> Beats:
    """Figures that are the same number; of no figure at all nobody is equal to anybody."""
    measured = [record.measurement(*figure) for _, record in entries]
    values = np.array([np.nan if m is None or m.value is None else m.value for m in measured])
    return np.asarray(values[:, None] == values[None, :])


def _have(entries: Sequence[tuple[Run, Record]], *figures: tuple[str, str]) -> np.ndarray:
    return np.array(
        [
            all((m := record.measurement(*figure)) is not None and m.value is not None for figure in figures)
            for _, record in entries
        ]
    )


def table(ranking: Ranking) -> list[dict[str, str]]:
    """A row a cell: its place and value in each figure, and where it is on the front."""
    from cvbench.units import show_value

    several = len({cell.run for cell in ranking.cells}) > 1
    rows = []
    for cell in ranking.cells:
        row = {"run": cell.run if several else "", "cell": cell.title}
        for place in cell.places:
            name = f"{place.figure} {place.at}".strip()
            shown = "-" if place.value is None else f"{place.rank}. {show_value(place.value, place.unit)}"
            row[name] = shown
        row["on the front of accuracy against"] = ", ".join(cell.fronts) or "-"
        rows.append(row)
    return rows
