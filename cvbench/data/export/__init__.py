"""Detection sets as the folders that the field's tools read: `coco` and `voc`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from cvbench.data.export.coco import export_coco
from cvbench.data.export.voc import export_voc
from cvbench.interfaces import Dataset

__all__ = ["EXPORTERS", "Exporter", "export_coco", "export_voc"]


class Exporter(Protocol):
    """Writes splits of one detection set into a folder that is new, empty or, with `force`, neither."""

    def __call__(
        self,
        splits: Sequence[Dataset],
        folder: Path,
        *,
        force: bool = False,
        on_image: Callable[[], object] | None = None,
    ) -> None:
        """Write all of them; `on_image` is called after every image.

        Raises DataError where the folder is not empty or cannot be written.
        """
        ...


EXPORTERS: Final[Mapping[str, Exporter]] = {"coco": export_coco, "voc": export_voc}
