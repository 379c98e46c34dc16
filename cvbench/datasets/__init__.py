"""The data sets, and the way to open one: `open_dataset`."""

from cvbench.datasets.joint import joint
from cvbench.datasets.opening import open_dataset
from cvbench.datasets.subset import first

__all__ = ["first", "joint", "open_dataset"]
