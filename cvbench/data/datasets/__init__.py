"""The data sets, and the way to open one: `open_dataset`."""

from cvbench.data.datasets.classes import check_trained
from cvbench.data.datasets.concat import joint
from cvbench.data.datasets.inspection import Inspection, inspect_cells
from cvbench.data.datasets.open import open_dataset
from cvbench.data.datasets.overlap import note_on_overlap
from cvbench.data.datasets.subset import drawn

__all__ = [
    "Inspection",
    "check_trained",
    "drawn",
    "inspect_cells",
    "joint",
    "note_on_overlap",
    "open_dataset",
]
