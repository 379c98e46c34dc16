"""Reading the system's own small files: absent ones are empty."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

LONGEST_S = 20
GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""Git without the programs that a repository can name: it is asked in folders of others too."""


def answer(name: str, *arguments: str) -> str:
    """A program's standard output without blanks around it; nothing where it is absent or refuses."""
    program = shutil.which(name)
    if program is None:
        return ""
    try:
        # as found on the path, and only ever asked
        done = subprocess.run(  # noqa: S603
            [program, *arguments], capture_output=True, text=True, timeout=LONGEST_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def read(path: str) -> str:
    """The file's text without blanks around it; nothing where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def value_in(text: str, name: str) -> int:
    """The number behind a name in a file of `name number` lines; 0 where there is none."""
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == name:
            return int(words[1])
    return 0


def anonymous(identifier: str) -> str | None:
    """A short hash that tells two parts apart and names neither; None for none."""
    return hashlib.sha256(f"cvbench {identifier}".encode()).hexdigest()[:12] if identifier else None


def commit_of(file: Path) -> str | None:
    """The commit that a file is of, and whether the work tree differs; None where git does not keep it."""
    if not _git(file, "ls-files", "--error-unmatch", file.name):
        return None
    changed = " with changes" if _git(file, "status", "--porcelain", "--untracked-files=no") else ""
    return f"{_git(file, 'rev-parse', 'HEAD')}{changed}"


def _git(file: Path, *arguments: str) -> str:
    """What git says in the file's folder."""
    return answer(*GIT, "-C", str(file.parent), *arguments) if file.parent.is_dir() else ""
