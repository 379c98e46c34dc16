"""Suite: what a suite file asks for, found sound, and how a part of it is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from cvbench.errors import Problem, SuiteError
from cvbench.record import Record
from cvbench.spec.cell import Cell
from cvbench.spec.suite.schema import Published


@dataclass(frozen=True)
class Suite:
    """What a suite file asks for, found sound."""

    name: str
    """Names the folder of its results."""
    cells: tuple[Cell, ...]
    """In the order of the file; no two are the same experiment."""
    timeout_s: float
    """How long one cell may take."""
    expect: Mapping[str, Mapping[str, float]]
    """Model → figure → the least value that passes."""
    source: str
    """The file it was read from."""
    text: str
    """The file, word for word."""
    overrides: tuple[str, ...] = ()
    """What was said otherwise on the command line, as it was typed."""
    limit: int | None = None
    """How many images it was limited to besides."""
    published: Mapping[str, Mapping[str, Published]] = field(default_factory=dict)
    """Cell key → figure → what is published of it; cells cut to some images have other keys."""

    def select(self, pattern: str) -> Suite:
        """The suite with those cells alone whose model, title or key the pattern names.

        `Cell.matches` says how. Raises SuiteError where no cell is left.
        """
        cells = tuple(cell for cell in self.cells if cell.matches(pattern))
        if not cells:
            titles = ", ".join(dict.fromkeys(cell.title for cell in self.cells))
            raise SuiteError([Problem(f"--only {pattern}", "this names no cell.", f"There are: {titles}.")])
        return replace(self, cells=cells)

    def limited(self, images: int) -> Suite:
        """The suite with at most so many images scored in each cell; cells that become equal are one."""
        cells = {}
        for cell in self.cells:
            data = cell.data.model_copy(update={"limit": min(images, cell.data.limit or images)})
            limited = cell.model_copy(update={"data": data})
            cells[limited.key] = limited
        return replace(self, cells=tuple(cells.values()), limit=images)

    def missed(self, records: Iterable[Record]) -> list[str]:
        """What was expected and did not come, one line each; cells that were not finished say nothing."""
        finished = [record for record in records if record.outcome == "ok"]
        floors = [
            f"{record.cell.title}: {_told(record, figure)}, expected at least {floor:g}"
            for record in finished
            for figure, floor in self.expect.get(record.cell.model.name, {}).items()
            if not _passes(record, figure, floor)
        ]
        far = [
            f"{record.cell.title}: {_told(record, figure)}, published {known.value:g} ± {known.within:g}"
            for record in finished
            for figure, known in self.published.get(record.key, {}).items()
            if not _is_near(record, figure, known)
        ]
        return floors + far


def _passes(record: Record, figure: str, floor: float) -> bool:
    measured = record.measurement(figure)
    return measured is not None and measured.value is not None and measured.value >= floor


def _is_near(record: Record, figure: str, known: Published) -> bool:
    measured = record.measurement(figure)
    if measured is None or measured.value is None:
        return False
    # A figure at the very end of the range is within it, whatever the last bit of the difference is.
    return abs(measured.value - known.value) <= known.within + 1e-12


def _told(record: Record, figure: str) -> str:
    measured = record.measurement(figure)
    if measured is None:
        return f"{figure} was not measured"
    if measured.value is None:
        return f"{figure} is missing ({measured.missing})"
    return f"{figure} is {measured.value:.4g}"
