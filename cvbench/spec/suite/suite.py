"""Suite: what a suite file asks for, found sound, and how a part of it is chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cvbench.errors import Problem, SuiteError
from cvbench.spec.cell import Cell
from cvbench.spec.expectations import Expectations


@dataclass(frozen=True)
class Suite:
    """What a suite file asks for, found sound."""

    name: str
    """Names the folder of its results."""
    cells: tuple[Cell, ...]
    """In the order of the file; no two are the same experiment."""
    timeout_s: float
    """How long one cell may take."""
    expectations: Expectations
    """The floors and published values that its results are judged by."""
    source: str
    """The file it was read from."""
    text: str
    """The file, word for word."""
    overrides: tuple[str, ...] = ()
    """What was said otherwise on the command line, as it was typed."""
    limit: int | None = None
    """How many images it was limited to besides."""
    whole: tuple[Cell, ...] = ()
    """All cells, where `cells` are a selection of them."""

    def select(self, pattern: str) -> Suite:
        """The suite with those cells alone whose model, title or key the pattern names.

        `Cell.matches` says how. Raises SuiteError where no cell is left.
        """
        cells = tuple(cell for cell in self.cells if cell.matches(pattern))
        if not cells:
            titles = ", ".join(dict.fromkeys(cell.title for cell in self.cells))
            raise SuiteError([Problem(f"--only {pattern}", "this names no cell.", f"There are: {titles}.")])
        return replace(self, cells=cells, whole=self.whole or self.cells)

    def limited(self, images: int) -> Suite:
        """The suite with at most so many images scored in each cell; cells that become equal are one."""
        cells = {}
        for cell in self.cells:
            data = cell.data.model_copy(update={"limit": min(images, cell.data.limit or images)})
            limited = cell.model_copy(update={"data": data})
            cells[limited.key] = limited
        return replace(self, cells=tuple(cells.values()), limit=images)
