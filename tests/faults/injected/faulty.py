"""Calls of the operating system that fail: the n-th of a kind, and all that follow or that one alone.

`CVBENCH_FAULT` says which: `driver rename 3 28 stays`, for the process, the call, its number, the error and
whether it stays so.
"""

from __future__ import annotations

import io
import os

FAULT = "CVBENCH_FAULT"
CALLS = ("write", "rename", "fsync", "mkdir", "open")


def install(role: str) -> None:
    """Let the call fail in this process, if it is the one that is meant."""
    said = os.environ.get(FAULT, "").split()
    if not said or said[0] != role:
        return
    _, call, number, code, stays = said
    count, number, code = 0, int(number), int(code)

    def check(path: object = None) -> None:
        nonlocal count
        count += 1
        if count == number or (count > number and stays == "stays"):
            raise OSError(code, os.strerror(code), path)

    if call == "write":
        os.fdopen = _opening_full(os.fdopen, check)
        return
    names = {"rename": ("rename", "replace")}.get(call, (call,))
    for name in names:
        setattr(os, name, _failing(getattr(os, name), check, only_writes=call == "open"))


def _failing(real, check, *, only_writes):
    def call(*given, **named):
        if not only_writes or given[1] & (os.O_WRONLY | os.O_RDWR):
            check()
        return real(*given, **named)

    return call


def _opening_full(real, check):
    def fdopen(*given, **named):
        file = real(*given, **named)
        return _Full(file, check) if file.writable() else file

    return fdopen


class _Full(io.BufferedIOBase):
    """A file that may refuse what is written to it."""

    def __init__(self, file, check) -> None:
        self.file, self.check = file, check

    def write(self, content) -> int:
        self.check()
        return self.file.write(content)

    def flush(self) -> None:
        if not self.file.closed:
            self.file.flush()

    def fileno(self) -> int:
        return self.file.fileno()

    def close(self) -> None:
        self.file.close()

    def writable(self) -> bool:
        return True
