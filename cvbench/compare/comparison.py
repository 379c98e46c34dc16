"""Compare two runs: a verdict on every metric of every common cell."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from cvbench.compare.accuracy import Memory, Sides, compare_accuracy
from cvbench.compare.comparability import Domain, Unlike, domain_of, unlike
from cvbench.compare.differences import Difference, Finding, judge, plain
from cvbench.compare.seeds import OverSeeds, over_seeds, titles, was_trained
from cvbench.compare.speed import compare_memory, compare_speed
from cvbench.errors import InputError
from cvbench.record import Measurement, Record
from cvbench.store import Run


class Pairs(NamedTuple):
    """Matched cells, and cells without a match."""

    both: list[tuple[Record, Record]]
    only_a: list[Record]
    only_b: list[Record]


def pair_up(a: Sequence[Record], b: Sequence[Record]) -> Pairs:
    """Match equal experiments first; then the rest by model, data and runtime, if that is unambiguous.

    So a run with another precision or other weights is compared with its counterpart.
    """
    left_a, left_b, both = list(a), list(b), list[tuple[Record, Record]]()
    for same in (_key, _experiment, _model_and_data, _model):
        found = _unambiguous(left_a, left_b, same)
        both += found
        taken = {id(record) for pair in found for record in pair}
        left_a = [record for record in left_a if id(record) not in taken]
        left_b = [record for record in left_b if id(record) not in taken]
    order = {id(record): place for place, record in enumerate(a)}
    return Pairs(sorted(both, key=lambda pair: order[id(pair[0])]), left_a, left_b)


def _unambiguous(
    a: Sequence[Record], b: Sequence[Record], same: Callable[[Record], Hashable]
) -> list[tuple[Record, Record]]:
    groups: dict[Hashable, tuple[list[Record], list[Record]]] = {}
    for side, records in enumerate((a, b)):
        for record in records:
            groups.setdefault(same(record), ([], []))[side].append(record)
    return [(x[0], y[0]) for x, y in groups.values() if len(x) == len(y) == 1]


def _key(record: Record) -> Hashable:
    return record.key


def _experiment(record: Record) -> Hashable:
    """Everything except the timing plan and the weights file."""
    cell = record.cell
    return cell.described, cell.data.name, cell.data.split, cell.runtime.model_dump_json(), cell.seed


def _model_and_data(record: Record) -> Hashable:
    return record.cell.described, record.cell.data.name, record.cell.data.split


def _model(record: Record) -> Hashable:
    return record.cell.described, record.cell.data.name


TWO_TRAININGS = (
    "the weights of {cells} come from two trainings: the intervals hold for these weights and do not cover "
    "differences between trainings. Run several seeds: seed: [0, 1, 2]"
)
ONE_AFTER_THE_OTHER = (
    "the runs were timed one after the other: the difference includes drift between them, the interval does "
    "not. Time both side by side instead: cvbench duet"
)


@dataclass(frozen=True)
class CellComparison:
    """One cell in two runs."""

    title: str
    data: str
    key_a: str
    key_b: str
    outcome_a: str
    outcome_b: str
    unlike: tuple[Unlike, ...]
    differences: tuple[Difference, ...]


def cells_in_common(a: Run, b: Run, only: str | None = None) -> list[Sides]:
    """Each pair of matched cells, with their runs."""
    both, _ = _chosen(pair_up(a.records(), b.records()).both, only)
    return [((a, x), (b, y)) for x, y in both]


@dataclass(frozen=True)
class Comparison:
    """Two runs, cell by cell."""

    a: str
    b: str
    cells: tuple[CellComparison, ...]
    only_a: tuple[str, ...]
    """Cells that the other run does not have."""
    only_b: tuple[str, ...]
    notes: tuple[str, ...]
    over_seeds: tuple[OverSeeds, ...] = ()
    """Cells trained with several seeds in both runs, combined over the seeds."""

    @property
    def differences(self) -> Iterator[tuple[CellComparison, Difference]]:
        """All differences, with their cells."""
        return ((cell, difference) for cell in self.cells for difference in cell.differences)


def compare(
    a: Run,
    b: Run,
    *,
    only: str | None = None,
    between_jobs: Callable[[Record], float] = lambda _: 0.0,
) -> Comparison:
    """Compare all common cells of two runs; raises InputError if there is none.

    `only` selects cells by model, title or key, and metrics by name: `resnet*`, `top1`.
    """
    records_a, records_b = a.records(), b.records()
    pairs = pair_up(records_a, records_b)
    both, figures = _chosen(pairs.both, only)
    sides: list[Sides] = [((a, x), (b, y)) for x, y in both]
    found = list(findings(sides, only=figures, between_jobs=between_jobs))
    if not any(found):
        raise InputError(_nothing(a, b, records_a, records_b, only))
    records = [*records_a, *records_b]
    named = dict(zip(map(id, records), titles(records), strict=True))
    return _comparison(
        (str(a.folder), str(b.folder)),
        both,
        found,
        titles([x for x, _ in both]),
        only_a=tuple(named[id(record)] for record in pairs.only_a),
        only_b=tuple(named[id(record)] for record in pairs.only_b),
    )


def compare_models(
    run: Run,
    base: str,
    other: str,
    *,
    only: str | None = None,
    between_jobs: Callable[[Record], float] = lambda _: 0.0,
) -> Comparison:
    """Two models of one run, compared as two runs are: accuracy image by image, speed process by process.

    `base` and `other` name cells by model, title or key, as `--only` does. Cells are paired by data, runtime
    and seed. Raises InputError where a name fits no cell, or no two cells have data in common.
    """
    sides = models_in_common(run, base, other)
    both = [(a[1], b[1]) for a, b in sides]
    found = list(findings(sides, only=only, between_jobs=between_jobs))
    if not any(found):
        raise InputError(f"--only {only} names no metric of {base} and {other}.")
    named = (titles([x for x, _ in both]), titles([y for _, y in both]))
    return _comparison(
        (f"{run.folder}: {base}", f"{run.folder}: {other}"),
        both,
        found,
        [f"{x} → {y}" for x, y in zip(*named, strict=True)],
        only_a=(),
        only_b=(),
    )


def models_in_common(run: Run, base: str, other: str) -> list[Sides]:
    """The pairs of cells that `compare_models` compares, with the run."""
    records = run.records()
    named = list(zip(records, titles(records), strict=True))
    exact = [[r for r, title in named if name in (title, r.cell.title)] for name in (base, other)]
    found = [
        own or [r for r in records if r.cell.matches(name)]
        for name, own in zip((base, other), exact, strict=True)
    ]
    there = ", ".join(dict.fromkeys(title for _, title in named))
    for name, own in zip((base, other), found, strict=True):
        if not own:
            raise InputError(f"--models {name}: no such cell in {run.folder}.\n  Cells: {there}.")
    left, both = found, list[tuple[Record, Record]]()
    for same in (_setting, _data_and_seed, _data_alone):
        new = [pair for pair in _unambiguous(left[0], left[1], same) if pair[0] is not pair[1]]
        both += new
        left = [[r for r in own if all(r is not pair[side] for pair in new)] for side, own in enumerate(left)]
    if not both:
        raise InputError(
            f"--models {base} {other}: no two cells of {run.folder} are on the same data.\n"
            f"  Name two models that were scored on one data set. There are: {there}."
        )
    return [((run, x), (run, y)) for x, y in both]


def _setting(record: Record) -> Hashable:
    """Everything except the model and its training."""
    cell = record.cell
    return cell.data.model_dump_json(), cell.runtime.model_dump_json(), cell.seed


def _data_and_seed(record: Record) -> Hashable:
    return record.cell.data.name, record.cell.data.split, record.cell.seed


def _data_alone(record: Record) -> Hashable:
    return record.cell.data.name, record.cell.data.split


def _comparison(
    names: tuple[str, str],
    both: Sequence[tuple[Record, Record]],
    found: Sequence[list[Finding]],
    named: Sequence[str],
    *,
    only_a: tuple[str, ...],
    only_b: tuple[str, ...],
) -> Comparison:
    """The verdicts on all findings, cell by cell; `named` are the cells' titles."""
    judged = iter(judge([finding for of_cell in found for finding in of_cell]))
    cells = tuple(
        CellComparison(
            title=title,
            data=x.cell.data.name,
            key_a=x.key,
            key_b=y.key,
            outcome_a=x.outcome,
            outcome_b=y.outcome,
            unlike=tuple(unlike(x, y)),
            differences=tuple(next(judged) for _ in of_cell),
        )
        for title, (x, y), of_cell in zip(named, both, found, strict=True)
    )
    together = tuple(over_seeds(both, found))
    return Comparison(
        a=names[0],
        b=names[1],
        cells=cells,
        only_a=only_a,
        only_b=only_b,
        notes=tuple(_notes(cells, both, together)),
        over_seeds=together,
    )


def findings(
    pairs: Sequence[Sides],
    *,
    only: str | None = None,
    between_jobs: Callable[[Record], float] = lambda _: 0.0,
    memory: Memory | None = None,
) -> Iterator[list[Finding]]:
    """The findings of each pair of cells, in the order of the first cell's metrics."""
    sorted_out = [_sort_out(a[1], b[1], only) for a, b in pairs]
    figures = [one.testable.get("speed", ()) for one in sorted_out]
    speed = compare_speed(list(zip(pairs, figures, strict=True)), between_jobs=between_jobs)
    for sides, one, of_speed in zip(pairs, sorted_out, speed, strict=True):
        names = [name for name in _outcomes(sides[0][1]) if name in _outcomes(sides[1][1])]
        kept = {} if memory is None else memory
        accuracy = compare_accuracy(sides, names, one.testable.get("accuracy", ()), memory=kept)
        of_memory = compare_memory(one.testable.get("memory", ()))
        found = [*one.found, *accuracy, *of_speed, *of_memory]
        yield sorted(found, key=lambda finding: one.order[finding.draft.figure, finding.draft.at])


class _SortedOut(NamedTuple):
    """The metrics of two cells."""

    order: dict[tuple[str, str], int]
    found: list[Finding]
    """Findings of metrics that cannot be compared."""
    testable: dict[Domain, list[tuple[Measurement, Measurement]]]


def _sort_out(a: Record, b: Record, only: str | None) -> _SortedOut:
    voided = {domain: difference for difference in unlike(a, b) for domain in difference.voids}
    figures = _figures(a, b)
    out = _SortedOut({key: place for place, key in enumerate(figures)}, [], {})
    for x, y in figures.values():
        known = x or y
        assert known is not None
        if only is not None and not fnmatchcase(known.name, only):
            continue
        domain = domain_of(known)
        reason = _not_comparable(x, y, voided.get(domain))
        if reason is not None:
            out.found.append(Finding(replace(plain(x, y, domain), verdict="not comparable", reason=reason)))
        elif x is not None and y is not None and x.direction != "neither":
            out.testable.setdefault(domain, []).append((x, y))
    return out


def _figures(a: Record, b: Record) -> dict[tuple[str, str], tuple[Measurement | None, Measurement | None]]:
    """Name and condition → the values of both sides, in the order of the first side."""
    mine = {(m.name, m.at): m for m in a.measurements}
    other = {(m.name, m.at): m for m in b.measurements}
    return {key: (mine.get(key), other.get(key)) for key in mine | other}


def _not_comparable(a: Measurement | None, b: Measurement | None, voided: Unlike | None) -> str | None:
    """Why two values cannot be compared; None if they can."""
    for side, figure in (("the first", a), ("the second", b)):
        if figure is None:
            return f"{side} run has no such metric"
        if figure.value is None:
            return f"{side} run's value is missing: {figure.missing}"
    assert a is not None
    assert b is not None
    if a.protocol != b.protocol:
        return f"protocols differ: {a.protocol} and {b.protocol}"
    return None if voided is None else f"not the same {voided}"


def _outcomes(record: Record) -> list[str]:
    return [item.name for item in record.attachments if item.kind == "outcomes"]


def _chosen(
    both: list[tuple[Record, Record]], only: str | None
) -> tuple[list[tuple[Record, Record]], str | None]:
    """The pairs that a pattern names; if it names none, all pairs, and the pattern names metrics."""
    if only is None:
        return both, None
    chosen = [pair for pair in both if pair[0].cell.matches(only)]
    return (chosen, None) if chosen else (both, only)


def _nothing(
    a: Run, b: Run, records_a: Sequence[Record], records_b: Sequence[Record], only: str | None
) -> str:
    named = titles([*records_a, *records_b])
    have = [
        ", ".join(dict.fromkeys(titles_of)) or "no cells"
        for titles_of in (named[: len(records_a)], named[len(records_a) :])
    ]
    asked = f"\n  --only {only} matches no cell or metric of both." if only else ""
    return (
        f"{a.folder} and {b.folder} have no cell in common.{asked}\n"
        f"  The first has: {have[0]}.\n  The second has: {have[1]}."
    )


def _notes(
    cells: Sequence[CellComparison],
    both: Sequence[tuple[Record, Record]],
    together: Sequence[OverSeeds],
) -> Iterator[str]:
    several = {key for one in together for key in one.keys}
    trained = [
        x.cell.title
        for x, y in both
        if x.artifact
        and y.artifact
        and x.artifact.sha256 != y.artifact.sha256
        and was_trained(x)
        and was_trained(y)
        and x.key not in several
    ]
    if trained:
        named = ", ".join(list(dict.fromkeys(trained))[:3]) + (" …" if len(set(trained)) > 3 else "")
        yield TWO_TRAININGS.format(cells=named)
    if any(d.domain == "speed" and d.interval is not None for cell in cells for d in cell.differences):
        yield ONE_AFTER_THE_OTHER
    if any(x.cell.data.limit for x, _ in both):
        yield "some cells scored only a part of the images (limit): a quick look, not a result"
