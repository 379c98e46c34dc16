"""Check the data of cells before a run: the error of such a run, and the notes of its record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cvbench.data.datasets.classes import check_trained
from cvbench.data.datasets.open import open_dataset
from cvbench.data.datasets.overlap import note_on_overlap
from cvbench.errors import CvbenchError
from cvbench.spec.catalogue import DATASETS
from cvbench.spec.catalogue.models import task_of
from cvbench.spec.cell import Cell, DataSpec, TaskName


class Inspection(NamedTuple):
    """The error and the notes of a cell's data."""

    problem: str | None = None
    """The error message of a run; None if the data can be opened."""
    notes: tuple[str, ...] = ()


def inspect_cells(cells: Iterable[Cell]) -> dict[str, Inspection]:
    """Cell key → the check of its data. Decodes no image, and opens equal data once.

    Of published datasets only the scored split is opened: their training splits are large, and known.
    """
    seen: dict[tuple[object, ...], Inspection] = {}
    found = {}
    for cell in cells:
        card = DATASETS.get(cell.data.name)
        trains = cell.train is not None and card is not None and card.classes is None
        limit = cell.train.limit if cell.train is not None else None
        what = (cell.data.model_dump_json(), task_of(cell.model), trains, limit, cell.seed)
        if what not in seen:
            seen[what] = _inspected(
                cell.data, task_of(cell.model), trains=trains, limit=limit, seed=cell.seed
            )
        found[cell.key] = seen[what]
    return found


def _inspected(spec: DataSpec, task: TaskName, *, trains: bool, limit: int | None, seed: int) -> Inspection:
    try:
        scored = open_dataset(spec, task=task, seed=seed)
        if not trains:
            return Inspection()
        trained = open_dataset(spec, task=task, split="train", limit=limit, seed=seed)
        check_trained(trained, scored)
    except CvbenchError as error:
        return Inspection(str(error))
    note = note_on_overlap(scored, trained)
    return Inspection(notes=(note,) if note else ())
