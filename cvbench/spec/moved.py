"""Module paths of the last release. They still work, with a warning, until the next release.

`moved.txt` has one module per line: old path and new path below `cvbench`. A line `a.* b.*` applies to the
package `a` and to its modules without a line of their own. The table is read only when an import below
`cvbench` fails.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

ENDS: Final = "0.3"
"""The version that removes the old paths."""


def new_home(module: str) -> str | None:
    """The new path of a module; None if it has not moved.

    >>> new_home("cvbench.models.foreign.onnx_models"), new_home("cvbench.datasets.fashion")
    ('cvbench.models.external.onnx', 'cvbench.data.datasets.fashion')
    """
    package, _, path = module.partition(".")
    if package != "cvbench":
        return None
    table = _table()
    if path in table:
        return f"cvbench.{table[path]}"
    parent, below = path, ""
    while parent:
        if (home := table.get(f"{parent}.*")) is not None:
            return f"cvbench.{home.removesuffix('.*')}{below}"
        parent, dot, last = parent.rpartition(".")
        below = f"{dot}{last}{below}"
    return None


def moved_address(address: str) -> str | None:
    """The new import path ``module:object`` for an old one; None if it has not moved."""
    module, _, attribute = address.partition(":")
    home = new_home(module)
    return f"{home}:{attribute}" if home else None


def forwarding(package: str, home: str) -> Callable[[str], Any]:
    """A `__getattr__` for a package whose path was a module's: looks classes up in `home`."""

    def look_up(name: str) -> Any:
        if name[:1].isupper():
            found = getattr(import_module(home), name, None)
            if found is not None:
                _warn(f"{package}.{name}", f"{home}.{name}")
                return found
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return look_up


def install() -> None:
    """Let Python find modules by their old paths. The finder is the last, so other imports stay fast."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


class _Moved(ModuleType):
    """The module object of an old path, with the attributes of the module at the new path."""

    home: ModuleType

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # its own path and spec, which the import system reads
            raise AttributeError(name)
        return getattr(self.home, name)

    def __dir__(self) -> list[str]:
        return dir(self.home)


class _Finder:
    """Finds modules by their old paths, and loads them."""

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """The spec of an old path, with a warning; None for any other path."""
        home = new_home(fullname)
        if home is None or find_spec(home) is None:
            return None
        _warn(fullname, home)
        # Each is a package, so that modules below it come here too and are not imported twice.
        return ModuleSpec(fullname, cast("Loader", self), is_package=True, loader_state=home)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module object of the old path."""
        module = _Moved(spec.name)
        module.home = import_module(spec.loader_state)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Does nothing: the module at the new path is already executed."""


def _warn(old: str, new: str) -> None:
    text = f"{old} has moved to {new}; the old path ends with cvbench {ENDS}"
    warnings.warn(text, DeprecationWarning, stacklevel=3)


@lru_cache(maxsize=1)
def _table() -> Mapping[str, str]:
    from pathlib import Path  # not needed for a plain `import cvbench`

    lines = Path(__file__).with_name("moved.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines)
