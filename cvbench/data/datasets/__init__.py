"""The data sets, and the way to open one: `open_dataset`."""

from cvbench.data.datasets.concat import joint
from cvbench.data.datasets.open import first, open_dataset

__all__ = ["first", "joint", "open_dataset"]
