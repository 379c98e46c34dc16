"""Much of a kind, done by two processes: the second is forked off, and so has what it needs already."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from cvbench.runner.environment.processor import threads_available

FEWEST = 200
"""Items; of fewer, half of them cost no more than a process."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def on_two_cores(work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item]) -> list[Result]:
    """`work(items)`, which gives a result an item, in order, and can do a part of them by itself.

    Where the child fails, its half is done anew here: errors are those of one process. Who has threads
    besides this one stays alone, for a fork could take one's lock along.
    """
    if len(items) < FEWEST or not _may_fork():
        return work(items)
    half = len(items) // 2
    out, into = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of any thread; those that are left are NumPy's, which wait and which the child
        # does without
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(out)  # or it would wait for ever to write to itself, once its parent has gone
        _tell(work, items[half:], into)
    os.close(into)
    try:
        with os.fdopen(out, "rb") as pipe:  # closed whatever happens, so that the child never waits
            mine, told = work(items[:half]), pipe.read()
    finally:
        _, status = os.waitpid(child, 0)
    return mine + (pickle.loads(told) if status == 0 else work(items[half:]))  # noqa: S301, our own


def _may_fork() -> bool:
    return sys.platform == "linux" and threads_available() > 1 and threading.active_count() == 1


def _tell(work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], into: int) -> NoReturn:
    """The child: its results go into the pipe; it ends here, without what its parent does as it ends."""
    status = 1
    try:
        with os.fdopen(into, "wb") as pipe:
            pickle.dump(work(items), pipe, pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)
