"""Parallel work in threads, as many as torch uses; compiled kernels release the GIL."""

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
    """The results of the function for all items, in order."""
    threads = usable()
    if threads == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


def spans(starts: Int64[np.ndarray, " ends"]) -> list[slice]:
    """Split parts into ranges of about equal size; `starts` has each part's start and the end of the last.

    There are several ranges per thread, for load balancing.
    """
    pieces = 4 * usable()
    bounds = np.searchsorted(starts, np.linspace(0, starts[-1], pieces + 1)[1:-1])
    return [slice(first, last) for first, last in pairwise([0, *bounds.tolist(), len(starts) - 1])]


def usable() -> int:
    """The number of threads that torch uses or, if torch is not imported, the process's number of CPUs."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(kernel: Callable[..., Any], parts: int, *args: Any, worth: bool) -> None:
    """Call `kernel(*args, start, stop)` in threads, with ranges that cover 0 … `parts`.

    One call does everything if `worth` is false (the work is too small for the overhead of a few dozen
    microseconds), or if torch uses one thread only, as in data-loader workers.
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
    """The thread pool of this process; a parent's threads do not survive a fork."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix=f"cvbench-boxes-{process}")
