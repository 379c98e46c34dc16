"""Work done ahead in worker processes, or here, with the same results in the same order."""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from mmap import ACCESS_READ, mmap
from multiprocessing.reduction import DupFd
from tempfile import TemporaryFile
from threading import Event
from typing import IO, Any, Generic, Protocol, TypeVar, runtime_checkable

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
    and a few results are prepared ahead. The processes start side by side, however large `work` is. There
    are never more processes than CPUs that may be used: more only take turns. A DataError raised by `work`
    is raised here, its message untouched.

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
    ended = Event()
    with _handed(work) as handed:
        loader: DataLoader[Any] = DataLoader(
            handed,  # type: ignore[arg-type]  # only ever indexed with the sampler's jobs
            sampler=takewhile(lambda _: not ended.is_set(), jobs),  # anything that can be iterated once
            batch_size=None,
            num_workers=workers,
            collate_fn=_unchanged,
            pin_memory=pin,
            multiprocessing_context="spawn",  # a forked process cannot use CUDA or a parent's threads
            generator=torch.Generator(),
        )
        results = iter(loader)
        try:
            for result in results:
                if isinstance(result, DataError):
                    raise result
                yield result
        except (GeneratorExit, DataError):
            ended.set()
            with suppress(Exception):  # nobody asks for these results any more
                deque(results, maxlen=0)  # but a worker that is told to stop while it sends one aborts
            raise
        finally:
            with suppress(RuntimeError):  # of a worker that aborted
                results._shutdown_workers()  # type: ignore[attr-defined]  # noqa: SLF001 - an error would keep them


@contextmanager
def _handed(work: Callable[[J], R]) -> Iterator[_Handed[J, R]]:
    """The work pickled once, into a file without a name that every process is handed.

    A data set holds megabytes. What is larger than the pipe by which a process is started holds up the
    start of the next one until this one has imported all that it needs: seconds for each of them.
    """
    with TemporaryFile() as file:
        pickle.dump(work, file, pickle.HIGHEST_PROTOCOL)
        file.flush()
        yield _Handed(file)


class _Handed(Generic[J, R]):
    """Looks like a data set to the loader: in a worker, indexed with a job, it does it."""

    work: Callable[[J], R]

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __getstate__(self) -> Any:
        return DupFd(self.file.fileno())

    def __setstate__(self, handed: Any) -> None:
        with os.fdopen(handed.detach(), "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            self.work = pickle.loads(content)  # noqa: S301 - what this program wrote

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
