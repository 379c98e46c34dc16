"""How the kernels are compiled: cached on disk, without the GIL, with IEEE arithmetic."""

from __future__ import annotations

import gc
import hashlib
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import njit
from numba.core import event
from numba.core.caching import FunctionCache
from numba.extending import register_jitable

# Without the entry for callers in C, of which there are none: it takes a sixth of the compiler's time.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code, compiled at its first call for the types of its arguments.

    - The code is cached beside the source, or in the user's numba cache (NUMBA_CACHE_DIR moves it).
      Where neither can be written it is compiled again in each process. A kernel may call functions
      of other files: it is compiled again when one of them changes (see `reached_code`).
    - It runs without the GIL and starts no threads of its own: numba's thread pools survive no fork,
      and data loaders fork. `threads.share` spreads calls over threads instead.
    - No fast-math and no fused multiply-add, so that a kernel gives the bits of the reference.
      A division by zero gives inf or NaN, as in NumPy.
    """
    unchecked = _unchecked(function)
    kernel = njit(unchecked, **_OPTIONS)
    try:
        # As numba's `cache=True` does with its own kind of cache.
        kernel._cache = _KernelCache(unchecked)  # type: ignore[no-untyped-call]  # noqa: SLF001
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
    return kernel


def inlined(function: Callable[..., Any]) -> Any:
    """The function as it is, for kernels to call: it is compiled with them, and cached in them.

    It has no entry for callers in Python, for which a kernel pays with a tenth of a second of compiling.
    """
    registered: Callable[..., Any] = register_jitable(**_OPTIONS)(_unchecked(function))
    return registered


def reached_code(function: Callable[..., Any]) -> str:
    """A hash of a function and of all that it reaches by name, in its own file and in others.

    It covers the instructions of every function that is called, directly or not, and the values of the
    constants and the fields of the named tuples that those functions use. It is taken from the code in
    memory, which is what is compiled, so a file that is edited while a process runs does no harm.
    """
    digest = hashlib.sha256()
    for text in _described(function, set()):
        digest.update(text.encode())
    return digest.hexdigest()


def _described(value: Any, seen: set[CodeType]) -> Iterator[str]:
    """What `reached_code` hashes of one value that a kernel names; each function once."""
    value = _unchecked(getattr(value, "py_func", value)) if callable(value) else value
    if isinstance(value, FunctionType):
        if value.__code__ not in seen:
            yield from _described_code(value.__code__, value, seen)
    elif isinstance(value, type):
        yield f"{value.__module__}.{value.__qualname__}{getattr(value, '_fields', '')}"
    elif isinstance(value, tuple):
        for part in value:
            yield from _described(part, seen)
    elif isinstance(value, (np.generic, np.ndarray)):
        yield f"{value.dtype.str}{value.shape}{value.tobytes().hex()}"
    elif isinstance(value, (int, float, str, bytes)):
        yield repr(value)


def _described_code(code: CodeType, owner: FunctionType, seen: set[CodeType]) -> Iterator[str]:
    """The instructions of a function, or of a comprehension in it, and all that they name."""
    seen.add(code)
    yield f"{code.co_name}{code.co_code.hex()}{code.co_varnames}{code.co_names}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _described_code(constant, owner, seen)
        else:
            yield from _described(constant, seen)
    for name in code.co_names:
        named = owner.__globals__.get(name)
        if not isinstance(named, ModuleType):
            yield from _described(named, seen)
        elif _package(named.__name__) == _package(owner.__module__):
            for attribute in code.co_names:
                yield from _described(getattr(named, attribute, None), seen)


def _package(module: str) -> str:
    return module.partition(".")[0]


def _unchecked(function: Callable[..., Any]) -> Any:
    """The function without the type checker that an import hook may have wrapped around it."""
    return inspect.unwrap(function)


class _KernelCache(FunctionCache):
    """Numba's cache of one kernel on disk, whose keys know the code of other files that is compiled in."""

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), reached_code(self._py_func))  # type: ignore[no-untyped-call]

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super()._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except (AttributeError, ImportError):
            # The index was written by a version that had a named tuple which this one does not have.
            self.flush()  # type: ignore[no-untyped-call]
            return None


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
