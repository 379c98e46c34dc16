"""Work done ahead in worker processes, or here, with the same results in the same order."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch.utils.data import DataLoader

from cvbench.errors import DataError


@runtime_checkable
class Pinnable(Protocol):
    """What a stream carries: something that can move into page-locked memory."""

    def pin_memory(self) -> Any:
        """The same, page-locked."""
        ...


J = TypeVar("J")
R = TypeVar("R", bound=Pinnable)


def stream(
    work: Callable[[J], R], jobs: Iterable[J], *, workers: int = 0, pin: bool = False
) -> Generator[R, None, None]:
    """`work(job)` for every job, in order.

    With workers, `work` and the jobs travel to freshly spawned processes, so both can be pickled,
    and a few results are prepared ahead. There are never more processes than CPUs that may be used:
    more only take turns. A DataError raised by `work` is raised here, its message untouched.

    Nothing is drawn from torch's global random numbers, and nothing is left running when the
    iterator is closed.
    """
    workers = min(workers, len(os.sched_getaffinity(0)))
    if workers == 0:
        for job in jobs:
            with _one_thread():
                result = work(job)
            yield result.pin_memory() if pin else result
        return
    loader: DataLoader[Any] = DataLoader(
        _Work(work),  # type: ignore[arg-type]  # only ever indexed with the sampler's jobs
        sampler=jobs,  # anything that can be iterated once
        batch_size=None,
        num_workers=workers,
        collate_fn=_unchanged,
        pin_memory=pin,
        multiprocessing_context="spawn",  # a forked process cannot use CUDA or a parent's threads
        generator=torch.Generator(),
    )
    for result in loader:
        if isinstance(result, DataError):
            raise result
        yield result


class _Work(Generic[J, R]):
    """Looks like a data set to the loader: indexed with a job, it does it."""

    def __init__(self, work: Callable[[J], R]) -> None:
        self.work = work

    def __getitem__(self, job: J) -> R | DataError:
        try:
            return self.work(job)
        except DataError as error:  # the loader would bury the message under a traceback
            return error


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch work in one thread, as it does in a worker process.

    Images come one by one and most are small: dividing one among threads costs more than it saves, and
    very much more where other processes keep the CPUs busy.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _unchanged(result: Any) -> Any:
    return result
