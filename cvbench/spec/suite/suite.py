"""A Suite: a checked suite file, and the selection of its cells."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cvbench.errors import Problem, SuiteError
from cvbench.spec.cell import Cell
from cvbench.spec.expectations import Expectations


@dataclass(frozen=True)
class Suite:
    """A checked suite file."""

    name: str
    """Name of its results folder."""
    cells: tuple[Cell, ...]
    """In the order of the file, without duplicates."""
    timeout_s: float
    """Time limit per cell in seconds."""
    expectations: Expectations
    """The floors and published values to check results against."""
    source: str
    """The file it was read from."""
    text: str
    """The content of the file."""
    overrides: tuple[str, ...] = ()
    """Overrides from the command line, as typed."""
    limit: int | None = None
    """Number of images from `--limit`."""
    whole: tuple[Cell, ...] = ()
    """All cells, if `cells` is a selection."""

    def select(self, pattern: str) -> Suite:
        """The suite with only the cells that match the pattern (see `Cell.matches`).

        Raises SuiteError if no cell matches.
        """
        cells = tuple(cell for cell in self.cells if cell.matches(pattern))
        if not cells:
            titles = ", ".join(dict.fromkeys(cell.title for cell in self.cells))
            raise SuiteError([Problem(f"--only {pattern}", "no cell matches.", f"The cells are: {titles}.")])
        return replace(self, cells=cells, whole=self.whole or self.cells)

    def limited(self, images: int) -> Suite:
        """The suite with at most `images` images scored per cell; cells that become equal are merged."""
        cells = {}
        for cell in self.cells:
            data = cell.data.model_copy(update={"limit": min(images, cell.data.limit or images)})
            limited = cell.model_copy(update={"data": data})
            cells[limited.key] = limited
        return replace(self, cells=tuple(cells.values()), limit=images)
