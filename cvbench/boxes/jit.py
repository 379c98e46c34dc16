"""Compilation of the CPU kernels: cached on disk, without the GIL, with IEEE arithmetic."""

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

# No C wrapper: it is unused and takes a sixth of the compile time.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function to machine code on its first call, for the types of its arguments.

    - The code is cached next to the source, or in the user's numba cache (set by NUMBA_CACHE_DIR). If neither
      is writable, each process compiles it again. A kernel can call functions of other files; it is compiled
      again when one of them changes (see `reached_code`).
    - It runs without the GIL and starts no threads: numba's thread pools do not survive a fork, and data
      loaders fork. `threads.share` distributes calls over threads instead.
    - No fast-math and no fused multiply-add, so that kernels are bit-identical to the reference. A division
      by zero gives inf or NaN, as in NumPy.
    """
    unchecked = _unchecked(function)
    kernel = njit(unchecked, **_OPTIONS)
    try:
        # What numba's `cache=True` does, with our cache class.
        kernel._cache = _KernelCache(unchecked)  # type: ignore[no-untyped-call]  # noqa: SLF001
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
    return kernel


def inlined(function: Callable[..., Any]) -> Any:
    """Mark a function for use in kernels: it is compiled and cached as part of them.

    It has no Python wrapper, which would take 0.1 s to compile.
    """
    registered: Callable[..., Any] = register_jitable(**_OPTIONS)(_unchecked(function))
    return registered


def reached_code(function: Callable[..., Any]) -> str:
    """A hash of a function and everything it refers to by name, in its file and in others.

    It covers the bytecode of every function that is called, directly or indirectly, the values of constants,
    and the fields of named tuples. It uses the code in memory, which is what is compiled, so editing
    a file while a process runs is safe.
    """
    digest = hashlib.sha256()
    for text in _described(function, set()):
        digest.update(text.encode())
    return digest.hexdigest()


def _described(value: Any, seen: set[CodeType]) -> Iterator[str]:
    """The texts that `reached_code` hashes for one value; each function once."""
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
    """Bytecode of a function, or of a comprehension in it, and everything it refers to."""
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
    """The function without the type checker that the tests' import hook adds."""
    return inspect.unwrap(function)


class _KernelCache(FunctionCache):
    """Numba's disk cache of one kernel, with `reached_code` as part of the key."""

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), reached_code(self._py_func))  # type: ignore[no-untyped-call]

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super()._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except (AttributeError, ImportError):
            # Another version wrote the index, with a named tuple that does not exist here.
            self.flush()  # type: ignore[no-untyped-call]
            return None


class _Undisturbed(event.Listener):
    """Disables garbage collection during compilation, which saves about a seventh of the time."""

    depth = 0
    collecting = False

    def on_start(self, event: Any) -> None:  # noqa: ARG002 - numba passes it
        if not self.depth:
            self.collecting = gc.isenabled()
            gc.disable()
        self.depth += 1

    def on_end(self, event: Any) -> None:  # noqa: ARG002
        self.depth -= 1
        if not self.depth and self.collecting:
            gc.enable()


event.register("numba:compile", _Undisturbed())  # type: ignore[no-untyped-call]
