"""The data sets, and the way to open one: `open_dataset`."""

from cvbench.data.datasets.classes import check_trained
from cvbench.data.datasets.concat import joint
from cvbench.data.datasets.open import open_dataset
from cvbench.data.datasets.subset import drawn

__all__ = ["check_trained", "drawn", "joint", "open_dataset"]
