"""Array types that import jaxtyping only when an annotation is evaluated.

Annotations are strings until they are evaluated, as by the tests' shape checks. Importing jaxtyping takes
0.1 s, which commands such as `cvbench compare` avoid this way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Bool, Float64, Int64
else:

    class _DeferredType:
        """A jaxtyping type by name; `Float64[np.ndarray, "n 4"]` imports jaxtyping.

        Type checkers do not see this class: for mypy the names below are jaxtyping's.
        """

        def __init__(self, name: str) -> None:
            self._name = name

        def __getitem__(self, array_and_shape: tuple[Any, str]) -> Any:
            import jaxtyping

            return getattr(jaxtyping, self._name)[array_and_shape]

    Bool, Float64, Int64 = (_DeferredType(name) for name in ("Bool", "Float64", "Int64"))

__all__ = ["Bool", "Float64", "Int64"]
