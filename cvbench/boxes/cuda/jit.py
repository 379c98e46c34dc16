"""How the kernels are compiled."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import triton


def kernel(function: Callable[..., Any]) -> Any:
    """The function as Triton's; each launch says `enable_fp_fusion=False` where bits matter.

    A type checker that an import hook has wrapped around the function cannot be compiled.
    """
    return triton.jit(inspect.unwrap(function))
