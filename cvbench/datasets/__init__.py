"""The data sets, and the way to open one: `open_dataset`."""

from cvbench.datasets.opening import find_root, open_dataset
from cvbench.datasets.subset import first

__all__ = ["find_root", "first", "open_dataset"]
