"""Work over several threads, as many as torch may use: kernels hold no GIL."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import torch


def share(kernel: Callable[..., Any], parts: int, *args: Any, worth: bool) -> None:
    """Call `kernel(*args, start, stop)` so that the ranges cover 0 … `parts`.

    Where it is not `worth` the hand-over (a few dozen microseconds), or torch may use one thread
    only, as in a data loader's worker, one call does everything.
    """
    threads = torch.get_num_threads() if worth else 1
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
