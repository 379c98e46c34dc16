"""What a report is made of: runs with their records, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cvbench.errors import StoreError
from cvbench.record import Record
from cvbench.store import Run, Store


@dataclass(frozen=True)
class Source:
    """A run, as a report shows it."""

    run: Run
    about: dict[str, Any]
    records: tuple[Record, ...]

    @property
    def name(self) -> str:
        """How it is told from other runs: suite and run."""
        return f"{self.about.get('suite', '?')}/{self.about.get('run', self.run.folder.name)}"


def read_sources(store: Store, names: Sequence[str]) -> tuple[Source, ...]:
    """The named runs, each once, in order.

    Raises StoreError for a name that is no run, for a run that cannot be read or was written by a newer
    cvbench, and where none of them has a finished cell.
    """
    runs = dict.fromkeys(store.find(name) for name in names)
    sources = tuple(Source(run, run.about, tuple(run.records())) for run in runs)
    if not any(source.records for source in sources):
        folders = ", ".join(str(source.run.folder) for source in sources)
        raise StoreError(
            f"{folders}: no cell is finished there, so there is nothing to report.\n"
            "  Give the command that began the run again: it continues."
        )
    return sources


def all_records(sources: Sequence[Source]) -> list[Record]:
    """The records of all runs, run by run."""
    return [record for source in sources for record in source.records]
