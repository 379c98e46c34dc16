"""Where `compiled` was before; it stands in `cvbench.jit`, which imports no torch."""

from cvbench.jit import compiled

__all__ = ["compiled"]
