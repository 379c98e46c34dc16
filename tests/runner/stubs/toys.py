"""The names of `tests.runner.toys` that need no torch, for suites of stub cells."""

from __future__ import annotations

import os
import signal
import time
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

    raise CellError("the loss is no number any more at step 1 of 1: poison is nan")
