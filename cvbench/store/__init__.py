"""Runs, records and attachments on disk."""

from cvbench.store.attachments import StoredFile
from cvbench.store.runs import Run, Store, read_record

__all__ = ["Run", "Store", "StoredFile", "read_record"]
