"""What is wrong in a suite, and where: a path into the file's tree."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of the file: ``("models", 1, "options", "width")``."""

_WORD = re.compile(r"[\w-]+")


class Finding(NamedTuple):
    """One thing that is wrong, before it is known which file or override brought it."""

    path: Path
    what: str
    remedy: str = ""


def show_path(path: Path) -> str:
    """A path as it is written in messages; a key that is no plain word stands in quotes.

    >>> show_path(("models", 1, "options", "width")), show_path(("expect", "my.nets:net", "AP"))
    ('models[1].options.width', 'expect["my.nets:net"].AP')
    """
    return "".join(map(_shown_step, path)).removeprefix(".")


def written_part(path: Path, tree: Any) -> Path:
    """As much of a path as `tree` holds.

    >>> written_part(("models", 0, "name"), {"models": ["resnet18"]})
    ('models', 0)
    """
    for depth, step in enumerate(path):
        if not _holds(tree, step):
            return path[:depth]
        tree = tree[step]
    return path


def position(path: Path, tree: Any) -> tuple[int, ...]:
    """Where a path stands in the order of the file, to sort by; a parent stands before its children."""
    places: list[int] = []
    for step in written_part(path, tree):
        places.append(step if isinstance(step, int) else list(tree).index(step))
        tree = tree[step]
    return tuple(places)


def _holds(tree: Any, step: str | int) -> bool:
    if isinstance(tree, Mapping):
        return step in tree
    return isinstance(tree, list) and isinstance(step, int) and 0 <= step < len(tree)


def _shown_step(step: str | int) -> str:
    plain = isinstance(step, str) and _WORD.fullmatch(step)
    return f".{step}" if plain else f"[{json.dumps(step, ensure_ascii=False)}]"
