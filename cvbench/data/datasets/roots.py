"""Folders of a user's own copy: found in the layouts that publishers use, or said to be missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cvbench.errors import DataError


def root_folder(name: str, root: str | None) -> Path:
    """The root of a data set whose files do not come along; raises DataError where there is none."""
    if root is None:
        raise DataError(f"{name}: its files do not come along; name their folder as root")
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; it should hold {name}")
    return folder


def first_there(root: Path, candidates: Sequence[str]) -> Path | None:
    """The first of these files or folders below `root` that is there."""
    return next((root / path for path in candidates if (root / path).exists()), None)


def looked_for(candidates: Sequence[str]) -> str:
    """The places, for a message."""
    return ", ".join(candidates[:-1]) + f" or {candidates[-1]}" if len(candidates) > 1 else candidates[0]


def check_count(name: str, split: str, *, found: int, published: int, what: str, subset: bool) -> None:
    """Raise DataError where a published split has another number of images, unless a part is asked for."""
    if found != published and not subset:
        raise DataError(
            f"{name}: {split} has {found:,} {what}, and as published {published:,}.\n"
            "  Usually a copy that was cut off, or another split. `cvbench data verify` says more;\n"
            "  the option subset=true scores what is there."
        )
