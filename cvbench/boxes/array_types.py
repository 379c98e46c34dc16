"""Types of arrays for modules that light commands import: jaxtyping itself is imported when one is looked at.

Annotations are text until somebody evaluates them, as the tests' checks do; jaxtyping brings half of the
standard library along, which is a tenth of a second that `cvbench compare` would wait for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64
else:

    class _DeferredType:
        """One of jaxtyping's types by its name; `Float64[np.ndarray, "n 4"]` imports jaxtyping.

        A type checker never sees it: for mypy the names below are jaxtyping's own.
        """

        def __init__(self, name: str) -> None:
            self._name = name

        def __getitem__(self, array_and_shape: tuple[Any, str]) -> Any:
            import jaxtyping

            return getattr(jaxtyping, self._name)[array_and_shape]

    Bool, Float64, Int64 = (_DeferredType(name) for name in ("Bool", "Float64", "Int64"))

__all__ = ["Bool", "Float64", "Int64"]
