"""Attachments of a record, validated on reading; all readers of attachments use this module."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cvbench.errors import StoreError
from cvbench.record import Attachment, Record

if TYPE_CHECKING:
    import pyarrow as pa

    from cvbench.store.runs import Run

FREE_VALUES: Final = 2**20
VALUES_PER_BYTE: Final = 2**8
MOST_VALUES: Final = 2**28
"""Limits on the values in a file: `FREE_VALUES` plus `VALUES_PER_BYTE` per byte of the file, at most
`MOST_VALUES`. Equal values compress well, but a small file that would fill memory must be refused before
it is decompressed."""


class StoredFile(NamedTuple):
    """An attachment of a record in its run."""

    run: Run
    record: Record
    item: Attachment

    @property
    def path(self) -> Path:
        """Path of the file; raises StoreError if it is outside the run's folder."""
        name = self.item.file
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            raise self.error("the file is outside the run's folder.")
        return self.run.folder / name

    def content(self) -> bytes:
        """The file's bytes; raises StoreError if the file is missing or its SHA-256 has changed."""
        try:
            if self.path.exists() and not self.path.is_file():
                raise self.error("it is not a regular file.")
            content = self.path.read_bytes()
        except OSError as error:
            raise self.error(f"the file cannot be read ({error.strerror or error}).") from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.item.sha256:
            raise self.error(
                f"the file has changed since the record was written: its SHA-256 is {digest[:12]}…, "
                f"not {self.item.sha256[:12]}…."
            )
        return content

    def table(self, content: bytes | None = None) -> pa.Table:
        """The rows; pass `content` if it is already read.

        Raises StoreError if the file is not valid Parquet, or if columns, values or metadata do not fit its
        kind, so callers need not check them again.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        from cvbench.store.forms import FormError, check_form

        packed = self.content() if content is None else content
        try:
            file = pq.ParquetFile(pa.BufferReader(packed), pre_buffer=False)
            if _values(file.metadata) > min(FREE_VALUES + VALUES_PER_BYTE * len(packed), MOST_VALUES):
                raise self.error(
                    f"its {len(packed):,} bytes decompress to {_values(file.metadata):,} values, "
                    "above the limit."
                )
            table = file.read(use_threads=False)
            table.validate(full=True)
        except (pa.ArrowException, OSError) as error:  # OSError: Arrow's for a broken footer or page
            raise self.error(f"the file is not valid Parquet ({error}).") from error
        try:
            check_form(table, self.item, self.record)
        except FormError as error:
            raise self.error(f"{error}.") from error
        return table

    def error(self, why: str) -> StoreError:
        """The error for this file, with its path, its cell, and the remedy."""
        what = f"{self.item.kind} {self.item.name} of {self.record.cell.title}"
        return StoreError(
            f"{self.run.folder / self.item.file}: {what}: {why}\n"
            "  Restore the file from a backup, or run the cell again: cvbench run SUITE --fresh"
        )


def _values(metadata: Any) -> int:
    """Total number of values in all columns, from the file's footer."""
    groups = (metadata.row_group(n) for n in range(metadata.num_row_groups))
    return sum(group.column(n).num_values for group in groups for n in range(group.num_columns))
