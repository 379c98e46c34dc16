"""Your own code by import path (`package.module:callable`): where workers find it, and its source files.

A worker searches Python's path, and then the working folder. The `sys.path` of the command may differ: a
console script has the script's folder on it, `python -m` the working folder first. All lookups use this
module, so that cvbench hashes the files that a worker imports. Nothing is imported here.
"""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Final

from cvbench.errors import UnknownName

_SOURCES: Final = {".py", ".pyi", ".so", ".pyd", ".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp"}
"""Extensions of source files in your own package."""


def search_path() -> list[str]:
    """The module search path of a worker: `PYTHONPATH`, Python's own folders, the working folder."""
    here, script = str(Path.cwd()), str(Path(sys.argv[0] or ".").absolute().parent)
    named = [str(Path(one).absolute()) for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    others = [one for one in sys.path if one not in ("", here, script)]
    return list(dict.fromkeys([*named, *others, here]))


def reach_working_folder() -> None:
    """Append the working folder to `sys.path`."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)


def find_module(name: str) -> ModuleSpec | None:
    """The spec of the module that a worker would import by a dotted name, or None. Imports nothing."""
    found, path = None, search_path()
    for depth, _ in enumerate(parts := name.split("."), 1):
        found = _find(".".join(parts[:depth]), path, is_top=depth == 1)
        if found is None or (depth < len(parts) and found.submodule_search_locations is None):
            return None
        path = list(found.submodule_search_locations or ())
    return found


def _find(name: str, path: list[str], *, is_top: bool) -> ModuleSpec | None:
    if (found := PathFinder.find_spec(name, path)) is not None or not is_top:
        return found
    finders = [one for one in sys.meta_path if one is not PathFinder and hasattr(one, "find_spec")]
    specs = (one.find_spec(name, None) for one in finders)  # built-in modules, editable installs
    return next((spec for spec in specs if spec is not None), None)


def sources_of(address: str) -> list[Path]:
    """The source files behind `module:callable`: its own, and the modules that they import from their folder.

    All source files of a package count. Imports of installed packages are not followed. Raises UnknownName if
    a worker would not find the module.
    """
    module = address.partition(":")[0]
    found = find_module(module)
    if found is None:
        raise UnknownName(
            f'{address}: the processes that run models find no module "{module}".\n'
            f"  Install it, or run from the folder that contains it; the current folder is {Path.cwd()}."
        )
    if module.partition(".")[0] in sys.builtin_module_names or _is_cvbench(module):
        return []
    seen: dict[str, list[Path]] = {}
    _collect(module, seen)
    return sorted({file for files in seen.values() for file in files})


def _is_cvbench(module: str) -> bool:
    return module.partition(".")[0] == "cvbench"


def _collect(module: str, seen: dict[str, list[Path]]) -> None:
    """Add the files of a module, and of its imports from the same folder, to `seen` by top-level module."""
    top = module.partition(".")[0]
    if top in seen or (spec := find_module(top)) is None:
        return
    seen[top] = []
    places = spec.submodule_search_locations
    if places is not None:
        seen[top] = [file for place in places for file in _code_below(Path(place))]
    elif spec.origin is not None and Path(spec.origin).is_file():
        seen[top] = [Path(spec.origin)]
    home = Path(next(iter(places), "")) if places is not None else Path(spec.origin or "")
    if _is_installed(home):
        return
    for file in seen[top]:
        for name in _imports(file):
            near = find_module(name.partition(".")[0])
            if near is not None and not _is_cvbench(name) and _is_beside(near, home.parent):
                _collect(name, seen)


def _code_below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in _SOURCES and file.is_file())


def _is_beside(spec: ModuleSpec, folder: Path) -> bool:
    """Whether a module or package is directly in this folder."""
    places = [*map(Path, spec.submodule_search_locations or ())]
    if not places and spec.origin is not None:
        places = [Path(spec.origin)]
    return any(place.parent == folder for place in places)


def _is_installed(place: Path) -> bool:
    return any(place.is_relative_to(folder) for folder in _installed())


@cache
def _installed() -> frozenset[Path]:
    """The folders of Python's standard library and installed packages."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    return frozenset(Path(sysconfig.get_path(kind)) for kind in kinds)


def _imports(file: Path) -> Iterator[str]:
    """The modules that a source file imports, with `import` or with `import_module` and a literal.

    Relative imports are skipped: all files of their package count anyway.
    """
    if file.suffix != ".py":
        return
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return  # importing it reports the error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
        elif isinstance(node, ast.Call) and _name_of(node.func) in ("import_module", "__import__"):
            texts = (one.value for one in node.args[:1] if isinstance(one, ast.Constant))
            yield from (text for text in texts if isinstance(text, str))


def _name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
