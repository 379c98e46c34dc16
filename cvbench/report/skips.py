"""Why cells are skipped, in one line per reason with the command that mends it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cvbench.spec.catalogue.weights import weight_file
from cvbench.spec.cell import Cell
from cvbench.spec.suite.planning import NO_DATA, NO_WEIGHTS, lacks_files

_NEXT = re.compile(rf"; (?={NO_DATA}|{NO_WEIGHTS})")


def short_reason(reason: str) -> str:
    """`no data, no weights` for missing files, whose paths `skip_lines` lists; other reasons in full."""
    if not lacks_files(reason):
        return reason
    return ", ".join(part.partition(":")[0] for part in _NEXT.split(reason))


def skip_lines(skipped: Iterable[tuple[Cell, str]], suite: str) -> Iterator[str]:
    """One line per reason, with its number of cells; weights that can be downloaded share one line.

    `suite` is the suite as the user named it.
    """
    cells: dict[str, int] = {}
    files: dict[str, str] = {}
    lacking = 0
    for cell, reason in skipped:
        for part in _NEXT.split(reason):
            file = weight_file(cell.model) if part.startswith(NO_WEIGHTS) else None
            if file is not None and file.url is not None:
                files[file.said] = part
                lacking += 1
            else:
                cells[part] = cells.get(part, 0) + 1
    for part, count in cells.items():
        yield part + (f" ({count} cells)" if count > 1 else "")
    if len(files) == 1:
        [part] = files.values()
        yield part.replace("fetch SUITE", f"fetch {suite}") + (f" ({lacking} cells)" if lacking > 1 else "")
    elif files:
        yield (
            f"{NO_WEIGHTS}{lacking} cells lack {len(files)} weights files. "
            f"Download them: cvbench weights fetch {suite}"
        )
