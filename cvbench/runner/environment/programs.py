"""What other programs say, where they are there."""

from __future__ import annotations

import shutil
import subprocess

LONGEST_S = 20


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
