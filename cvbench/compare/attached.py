"""The files beside a record, read with care: they may be gone, damaged, or not what they claim."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cvbench.errors import StoreError
from cvbench.files import sha256_of_file
from cvbench.record import Attachment, AttachmentKind, Record
from cvbench.store import Run


@dataclass(frozen=True, eq=False)
class Attached:
    """One file's table and what its metadata says."""

    name: str
    table: pa.Table
    about: dict[str, str]

    @property
    def classes(self) -> list[str]:
        """Class names in label order."""
        return [str(name) for name in json.loads(self.about.get("classes", "[]"))]

    def columns(self) -> dict[str, list[Any]]:
        """All columns as lists."""
        columns: dict[str, list[Any]] = self.table.to_pydict()
        return columns


def attached(run: Run, record: Record, kind: AttachmentKind) -> list[Attached]:
    """All files of a kind that are there. Raises StoreError for one that is not what was written."""
    found = []
    for item in record.attachments:
        if item.kind == kind:
            table = _table(run, item)
            if table is not None:
                meta = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
                found.append(Attached(item.name, table, meta))
    return found


def _table(run: Run, item: Attachment) -> pa.Table | None:
    path = run.folder / item.file
    if not path.resolve().is_relative_to(run.folder.resolve()):
        raise StoreError(f"{run.folder}: a record names the file {item.file!r}, outside of its run.")
    if not path.exists():
        return None
    if sha256_of_file(path) != item.sha256:
        raise StoreError(
            f"{path}: this is not the file that was written (its SHA-256 differs from the record's).\n"
            "  Restore it, or delete it: then the report says that it is missing."
        )
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: this is no Parquet file ({error}).") from error
