"""Whether what a model says of an image depends on what should not matter; without torch.

Batches, layouts, compilers, loader processes and precisions are ways to do the same arithmetic. Where a
prediction moves with them by more than rounding explains, the figures of two machines, or of one machine
twice, are not those of one model: padding that leaks from one image of a batch into another is the
classic fault.
"""

from cvbench.compare.invariance.check import VariantResult, check
from cvbench.compare.invariance.variants import FACTORS, Factor, invariance_suite

__all__ = ["FACTORS", "Factor", "VariantResult", "check", "invariance_suite"]
