"""Columns that took long to find, kept for the next time: an archive of NumPy's, of numbers and bytes only.

Nothing in an entry can be run. One that is damaged is as good as none, and one that cannot be written, for
want of room or of rights, is done without.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cvbench.data.datasets.texts import Texts
from cvbench.files import write_whole


def keep(path: Path, columns: Mapping[str, Any]) -> None:
    """Write arrays and Texts, by name."""
    arrays: dict[str, Any] = {}
    for name, column in columns.items():
        if isinstance(column, Texts):
            arrays[f"{name}.blob"] = np.frombuffer(column.blob, np.uint8)
            arrays[f"{name}.ends"] = column.ends
        else:
            arrays[name] = column
    content = io.BytesIO()
    np.savez(content, **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.getvalue())
    except OSError:
        return


def taken(path: Path, names: Collection[str]) -> dict[str, Any] | None:
    """The columns of these names, or None where nothing is kept, or not all of it."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:  # checks its checksums
            return {
                name: Texts(arrays[f"{name}.blob"].tobytes(), arrays[f"{name}.ends"])
                if f"{name}.blob" in arrays
                else arrays[name]
                for name in names
            }
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
