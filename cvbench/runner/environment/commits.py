"""Which commit a file is of."""

from __future__ import annotations

from pathlib import Path

from cvbench.runner.environment.programs import answer


def commit_of(file: Path) -> str | None:
    """The commit that a file is of, and whether the work tree differs; None where git does not keep it."""
    if not _git(file, "ls-files", "--error-unmatch", file.name):
        return None
    changed = " with changes" if _git(file, "status", "--porcelain", "--untracked-files=no") else ""
    return f"{_git(file, 'rev-parse', 'HEAD')}{changed}"


def _git(file: Path, *arguments: str) -> str:
    """What git says in the file's folder."""
    return answer("git", "-C", str(file.parent), *arguments) if file.parent.is_dir() else ""
