"""What a cell is called beside others: its model, and only what sets it apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from cvbench.record import Record
from cvbench.report.frame import task_of
from cvbench.report.sources import Source
from cvbench.report.table import run_in


class Told(NamedTuple):
    """A record as the page tells it."""

    source: Source
    record: Record
    title: str
    """Its model, with what sets it apart from its namesakes of the same task."""
    anchor: str
    """Names it in the page."""


def told(sources: Sequence[Source]) -> dict[str, list[Told]]:
    """Task → its records of all runs, in order."""
    found: dict[str, list[tuple[Source, Record]]] = {}
    for source in sources:
        for record in source.records:
            found.setdefault(task_of(record), []).append((source, record))
    return {
        task: [
            Told(source, record, title, _anchor(sources, source, record))
            for (source, record), title in zip(those, _titles(those), strict=True)
        ]
        for task, those in found.items()
    }


def _anchor(sources: Sequence[Source], source: Source, record: Record) -> str:
    """One cell may be in several runs."""
    return record.key if len(sources) == 1 else f"{record.key}-{sources.index(source) + 1}"


def _titles(those: Sequence[tuple[Source, Record]]) -> list[str]:
    """The model, with those options and settings in which its namesakes differ, else the key's beginning."""
    traits = [_traits(source, record) for source, record in those]
    names = [record.cell.model.name for _, record in those]
    titles = []
    for name, own in zip(names, traits, strict=True):
        namesakes = [other for n, other in zip(names, traits, strict=True) if n == name]
        apart = [trait for trait in own if any(o.get(trait) != own[trait] for o in namesakes)]
        titles.append(" ".join([name, *(f"{trait}={own[trait]}" for trait in apart)]))
    return [
        title if titles.count(title) == 1 else f"{title} ({record.key[:4]})"
        for title, (_, record) in zip(titles, those, strict=True)
    ]


def _traits(source: Source, record: Record) -> dict[str, Any]:
    cell = record.cell
    plain = {name: value for name, value in cell.model.options.items() if not isinstance(value, tuple)}
    return {
        **plain,
        "data": cell.data.name,
        **run_in(cell.runtime),
        "device": cell.runtime.device,
        "seed": cell.seed,
        "run": source.name,
    }
