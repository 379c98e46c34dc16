"""Work over several threads, as many as torch may use; compiled loops hold no GIL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Int64

T = TypeVar("T")
U = TypeVar("U")


def in_threads(function: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """The function of each item, in order."""
    threads = torch.get_num_threads()
    if threads == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


def spans(starts: Int64[np.ndarray, " ends"]) -> list[slice]:
    """Ranges of parts that hold about as much each; given is where each part starts and the last ends.

    There are some for every thread, so that none waits long for the others.
    """
    pieces = 4 * torch.get_num_threads()
    bounds = np.searchsorted(starts, np.linspace(0, starts[-1], pieces + 1)[1:-1])
    return [slice(first, last) for first, last in pairwise([0, *bounds.tolist(), len(starts) - 1])]
