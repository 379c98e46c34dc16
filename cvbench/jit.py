"""How the kernels are compiled: cached on disk, without the GIL, with IEEE arithmetic."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code, compiled at its first call for the types of its arguments.

    - The code is cached beside the source, or in the user's numba cache (NUMBA_CACHE_DIR moves it).
      Where neither can be written it is compiled anew in each process. A change in one file does
      not invalidate callers in another: kernels that call one another stand in one file.
    - It runs without the GIL and starts no threads of its own: numba's thread pools survive no fork,
      and data loaders fork. `threads.share` spreads calls over threads instead.
    - No fast-math and no fused multiply-add, so that a kernel gives the bits of the plain form.
      A division by zero gives inf or NaN, as in NumPy.
    """
    # A type checker that an import hook has wrapped around the function cannot be compiled.
    plain = inspect.unwrap(function)
    # Without the entry for callers in C, of which there are none: it takes a sixth of the compiler's time.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
    try:
        return njit(plain, cache=True, **options)
    except RuntimeError:  # numba: "no locator available"
        return njit(plain, **options)
