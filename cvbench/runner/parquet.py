"""The raw material behind a record's measurements, as Parquet files with zstd.

Imports no torch: the session writes the samples of all rounds, and starts faster without it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cvbench.files import sha256_of_file
from cvbench.record import Attachment
from cvbench.spec.cell import Cell
from cvbench.timing.series import Series, series_table


def save_series(series: Series, cell: Cell, staged: Path) -> Attachment:
    """Every sample of a timing, in order."""
    return save_table(series_table(series), "samples", f"{series.name}@{series.at}", cell, staged)


def save_table(table: pa.Table, kind: str, name: str, cell: Cell, staged: Path) -> Attachment:
    """Write a table to the staging folder of its cell; returns the record's entry for it."""
    words = [name] if kind in ("samples", "outcomes") else [name, kind]  # all are staged in one folder
    file = f"{cell.key}-{re.sub(r'[^A-Za-z0-9=._-]', '-', '-'.join(words))}.parquet"
    pq.write_table(table, staged / file, compression="zstd")
    digest = sha256_of_file(staged / file)
    return Attachment.model_validate({"kind": kind, "name": name, "file": f"{kind}/{file}", "sha256": digest})
