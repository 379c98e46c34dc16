"""Work over several threads, as many as torch may use; compiled loops hold no GIL."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Int64

T = TypeVar("T")
U = TypeVar("U")


def in_threads(function: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """The function of each item, in order."""
    threads = usable()
    if threads == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


def spans(starts: Int64[np.ndarray, " ends"]) -> list[slice]:
    """Ranges of parts that hold about as much each; given is where each part starts and the last ends.

    There are some for every thread, so that none waits long for the others.
    """
    pieces = 4 * usable()
    bounds = np.searchsorted(starts, np.linspace(0, starts[-1], pieces + 1)[1:-1])
    return [slice(first, last) for first, last in pairwise([0, *bounds.tolist(), len(starts) - 1])]


def usable() -> int:
    """As many threads as torch may use; where nobody has imported torch, as many as the process may."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(kernel: Callable[..., Any], parts: int, *args: Any, worth: bool) -> None:
    """Call `kernel(*args, start, stop)` so that the ranges cover 0 … `parts`.

    Where it is not `worth` the hand-over (a few dozen microseconds), or torch may use one thread
    only, as in a data loader's worker, one call does everything.
    """
    threads = usable() if worth else 1
    if threads == 1:
        kernel(*args, 0, parts)
        return
    pool = _pool(os.getpid(), threads)
    mine, *others = pairwise(parts * i // threads for i in range(threads + 1))
    jobs = [pool.submit(kernel, *args, *span) for span in others]
    kernel(*args, *mine)
    for job in jobs:
        job.result()


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """The threads of this process: those of a parent did not survive the fork."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix=f"cvbench-boxes-{process}")
