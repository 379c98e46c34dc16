"""The package as rooms, arrows and layers, and the drawing of the layers that the docs show.

A room is an entry at the top of `cvbench/`: a package or a module. An arrow A → B says that some file of A
imports something of B. The layers are the one list in `pyproject.toml` that import-linter checks.

`python -m tests.architecture.house` writes the drawing anew into the pages that show it.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "docs/decisions/0001-layers-as-built.md", "docs/architecture.md")
BEGIN, END = "<!-- layers -->\n", "<!-- end -->"


class House(NamedTuple):
    """What a package is made of."""

    rooms: frozenset[str]
    arrows: frozenset[tuple[str, str]]
    lines: Mapping[str, int]
    """Of each file, by its path below the package."""


def house(package: Path) -> House:
    """The rooms of the package in this folder."""
    lines, arrows = {}, set()
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py"}
    rooms |= {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        place = path.relative_to(package)
        lines[place.as_posix()] = len(text.splitlines())
        own = place.with_suffix("").parts[0]
        arrows |= {(own, room) for room in _imported(ast.parse(text), package.name) if room in rooms - {own}}
    return House(frozenset(rooms), frozenset(arrows), lines)


def _imported(tree: ast.AST, package: str) -> set[str]:
    """The rooms that a file names in its imports, wherever these stand."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            names |= {f"{package}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    parts = [name.split(".") for name in names]
    return {part[1] for part in parts if part[0] == package and len(part) > 1}


def layers() -> list[list[str]]:
    """The rooms by layer, from the top down, as import-linter has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    [contract] = settings["tool"]["importlinter"]["contracts"]
    return [[name.removeprefix("cvbench.") for name in line.split(" | ")] for line in contract["layers"]]


def drawing(rooms: list[list[str]]) -> str:
    """The layers as a Mermaid drawing: each may import what lies below it."""
    boxes = [f'    {side_by_side[0]}["{" · ".join(side_by_side)}"]' for side_by_side in rooms]
    chain = " --> ".join(side_by_side[0] for side_by_side in rooms)
    return "\n".join(["```mermaid", "flowchart TD", *boxes, f"    {chain}", "```", ""])


def shown(page: str) -> str:
    """The drawing that a page shows."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return text.partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    """Write the drawing into the pages."""
    for page in PAGES:
        path = ROOT / page
        before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        path.write_text(before + begin + drawing(layers()) + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
