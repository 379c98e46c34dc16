"""Export detection datasets as folders in COCO or VOC layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from cvbench.data.export.coco import export_coco
from cvbench.data.export.voc import export_voc
from cvbench.interfaces import Dataset

__all__ = ["EXPORTERS", "Exporter", "export_coco", "export_voc"]


class Exporter(Protocol):
    """Writes splits of a detection dataset into a new or empty folder; with `force`, into any folder."""

    def __call__(
        self,
        splits: Sequence[Dataset],
        folder: Path,
        *,
        force: bool = False,
        on_image: Callable[[], object] | None = None,
    ) -> None:
        """Write all splits; `on_image` is called after every image.

        Raises DataError if the folder is not empty or cannot be written.
        """
        ...


EXPORTERS: Final[Mapping[str, Exporter]] = {"coco": export_coco, "voc": export_voc}
