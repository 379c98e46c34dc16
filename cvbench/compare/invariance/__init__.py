"""Whether the predictions of a model depend on settings that should not matter; without torch.

Batch sizes, layouts, compilers, data-loader workers and precisions are ways to do the same arithmetic. If a
prediction changes with them by more than rounding, metrics of two machines, or of two runs on one machine, do
not describe one model. The classic fault is padding that leaks from one image of a batch into another.
"""

from cvbench.compare.invariance.check import VariantResult, check
from cvbench.compare.invariance.variants import FACTORS, Factor, invariance_suite

__all__ = ["FACTORS", "Factor", "VariantResult", "check", "invariance_suite"]
