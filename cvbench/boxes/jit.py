"""How the kernels are compiled: cached on disk, without the GIL, with IEEE arithmetic."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core import event
from numba.extending import register_jitable

# Without the entry for callers in C, of which there are none: it takes a sixth of the compiler's time.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


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
    plain = _plain(function)
    try:
        return njit(plain, cache=True, **_OPTIONS)
    except RuntimeError:  # numba: "no locator available"
        return njit(plain, **_OPTIONS)


def inner(function: Callable[..., Any]) -> Any:
    """The function as it is, for kernels to call: it is compiled with them, and cached in them.

    It has no entry for callers in Python, for which a kernel pays with a tenth of a second of compiling.
    """
    kept: Callable[..., Any] = register_jitable(**_OPTIONS)(_plain(function))
    return kept


def _plain(function: Callable[..., Any]) -> Any:
    """A type checker that an import hook has wrapped around the function cannot be compiled."""
    return inspect.unwrap(function)


class _Undisturbed(event.Listener):
    """No garbage is collected while something is compiled: it takes a sixth longer with it."""

    depth = 0
    collecting = False

    def on_start(self, event: Any) -> None:  # noqa: ARG002 - numba gives it by place
        if not self.depth:
            self.collecting = gc.isenabled()
            gc.disable()
        self.depth += 1

    def on_end(self, event: Any) -> None:  # noqa: ARG002
        self.depth -= 1
        if not self.depth and self.collecting:
            gc.enable()


event.register("numba:compile", _Undisturbed())  # type: ignore[no-untyped-call]
