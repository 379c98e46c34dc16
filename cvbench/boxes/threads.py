"""Work over several threads, as many as torch may use; compiled loops hold no GIL."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

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
