"""`scipy.special`, without what its import drags along for nothing.

>>> float(special.ndtri(0.5))
0.0
"""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec

import numpy as np


def _load_later(package: object, name: str) -> None:
    """Let a submodule be imported when the first of its attributes is asked for."""
    full = f"{package.__name__}.{name}"  # type: ignore[attr-defined]
    spec = find_spec(full)
    if full in sys.modules or spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[full] = module
    spec.loader.exec_module(module)
    setattr(package, name, module)


# scipy copies every name of numpy, and so imports whatever numpy would have imported on demand, such as a
# Fortran compiler's front end: half of the time of its own import. This may go when
# `python -X importtime` shows them no more.
for _name in ("f2py", "ma", "polynomial", "testing"):
    _load_later(np, _name)

from scipy import special  # noqa: E402, after what it would import

__all__ = ["special"]
