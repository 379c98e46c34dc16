"""The data sets, and the way to open one: `open_dataset`."""

from cvbench.data.datasets.concat import joint
from cvbench.data.datasets.open import open_dataset
from cvbench.data.datasets.subset import first

__all__ = ["first", "joint", "open_dataset"]
