"""Which cell of one run answers to which of another."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from cvbench.record import Record


class Pairs(NamedTuple):
    """Cells that answer to one another, and those without a partner."""

    both: list[tuple[Record, Record]]
    only_a: list[Record]
    only_b: list[Record]


def pair_up(a: Sequence[Record], b: Sequence[Record]) -> Pairs:
    """Equal experiments first; then what is left by model, data and runtime, as far as that is unambiguous.

    So a run in another precision, or with other weights, meets the run that it is meant to be compared to.
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
    """Everything but how it was timed, and the weights' file."""
    cell = record.cell
    return cell.title, cell.data.name, cell.data.split, cell.runtime.model_dump_json(), cell.seed


def _model_and_data(record: Record) -> Hashable:
    return record.cell.title, record.cell.data.name, record.cell.data.split


def _model(record: Record) -> Hashable:
    return record.cell.title, record.cell.data.name
