"""The names of `tests.runner.toys` that need no torch, for suites of stub cells."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import time
from contextlib import suppress
from pathlib import Path


class Shades:
    """A data set that nobody opens."""


def linear(classes, *, seed=0):
    """A model that works; `seed` only makes different cells of it."""


def slow(classes, *, seconds=300.0):
    """A model that hangs while it is built."""
    time.sleep(seconds)


def killed(classes):
    """A model whose process is killed from outside."""
    os.kill(os.getpid(), signal.SIGKILL)


def crashing(classes):
    """A model that brings the interpreter down."""
    print("about to crash", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def fragile(classes, *, diary, dies_at):
    """A model that brings down the process that builds it for the `dies_at`-th time; `diary` counts."""
    with Path(diary).open("a+") as file:
        file.write("built\n")
        file.seek(0)
        if len(file.readlines()) == dies_at:
            os.kill(os.getpid(), signal.SIGSEGV)


def raising(classes):
    """A model with a programming mistake."""
    raise ZeroDivisionError("a mistake in the model")


def hungry(classes):
    """A model that wants more memory than there is, as torch says it."""
    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 144 PB.")


def poisoned(classes):
    """A model whose training diverges, as the engine says it."""
    from cvbench.errors import CellError

    raise CellError("the loss became NaN or infinite at step 1 of 1: poison is nan")


def flooding(classes):
    """A model that prints 40 MB, and fails."""
    for _ in range(40):
        print("x" * 1_000_000)
    raise ValueError("behind the flood")


def shouting(classes):
    """A model whose mistake is told in 50 MB."""
    raise ValueError("a" * 50_000_000 + " the end")


def latin(classes):
    """A model whose mistake names a file of Latin-1."""
    raise FileNotFoundError(2, "No such file or directory", "caf\udce9.png")


def _pipes():
    for number in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                yield number
        except OSError:
            continue


def muzzled(classes):
    """A model that closes what it did not open, as code does that makes daemons."""
    os.closerange(3, 64)


def gossiping(classes):
    """A model that writes what it likes to the pipe of the news."""
    for number in _pipes():
        with suppress(OSError):
            os.write(number, b'{"kind": "progress", "progress": {"stage": "[red", "share": NaN}}\n')
    time.sleep(60)


def endless(classes):
    """A model that writes a line without end to the pipe of the news."""
    for number in _pipes():
        with suppress(OSError):
            while True:
                os.write(number, b"x" * 65536)


def homeless(classes, *, results):
    """A model that removes what is staged."""
    for folder in Path(results).glob("*/*/.staging"):
        shutil.rmtree(folder)
