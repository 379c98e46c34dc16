"""Run jobs in data-loader workers or in this process, with the same results in the same order."""

from __future__ import annotations

import io
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

from cvbench.data.lifetime import end_with_parent
from cvbench.errors import DataError, cut


@runtime_checkable
class Pinnable(Protocol):
    """The result of a job, which can move into pinned memory."""

    def pin_memory(self) -> Any:
        """A copy in pinned memory."""
        ...


J = TypeVar("J")
R = TypeVar("R", bound=Pinnable)


def stream(
    work: Callable[[J], R], jobs: Iterable[J], *, workers: int = 0, pin: bool = False
) -> Generator[R, None, None]:
    """Yield `work(job)` for every job, in order.

    With workers, `work` and the jobs are sent to newly spawned processes, so both must be picklable; a few
    results are prefetched. The processes start in parallel, however large `work` is, and are never more than
    the available CPUs. A DataError raised by `work` is raised here with the same message.

    It does not use torch's global random state, and leaves no process running when the iterator is closed.
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
            sampler=takewhile(lambda _: not ended.is_set(), jobs),  # any iterable
            batch_size=None,
            num_workers=workers,
            collate_fn=_unchanged,
            pin_memory=pin,
            multiprocessing_context="spawn",  # a forked process cannot use CUDA or a parent's threads
            generator=torch.Generator(),
        )
        try:
            results = iter(loader)
        except OSError as error:  # its locks are in shared memory too
            raise DataError(no_room(str(error))) from error
        try:
            for result in results:
                if isinstance(result, DataError):
                    raise result
                yield result
        except (GeneratorExit, DataError):
            ended.set()
            with suppress(Exception):  # these results are not needed
                deque(results, maxlen=0)  # but a worker that is stopped while it sends one aborts
            raise
        finally:
            with suppress(RuntimeError):  # raised for an aborted worker
                results._shutdown_workers()  # type: ignore[attr-defined]  # noqa: SLF001 - an error would keep them


@contextmanager
def _handed(work: Callable[[J], R]) -> Iterator[_Handed[J, R]]:
    """The work, pickled once into an unnamed file that every process inherits.

    A dataset has megabytes. Data larger than the start-up pipe of a process would delay the start of the next
    process until this one has finished its imports: seconds for each.
    """
    with TemporaryFile() as file:
        pickle.dump(work, file, pickle.HIGHEST_PROTOCOL)
        file.flush()
        yield _Handed(file)


class _Handed(Generic[J, R]):
    """A dataset for torch's loader; its index is a job, and its item the result."""

    work: Callable[[J], R]

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __getstate__(self) -> Any:
        return DupFd(self.file.fileno())

    def __setstate__(self, handed: Any) -> None:
        end_with_parent()
        with os.fdopen(handed.detach(), "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            self.work = pickle.loads(content)  # noqa: S301 - what this program wrote

    def __getitem__(self, job: J) -> R | DataError:
        try:
            result = self.work(job)
            _Sharing(io.BytesIO(), pickle.HIGHEST_PROTOCOL).dump(result)
        except DataError as error:  # the loader would bury the message under a traceback
            return error
        return result


class _Sharing(pickle.Pickler):
    """Moves every tensor that it pickles into shared memory.

    torch's loader does this in a thread whose errors are lost: without free space it would wait for ever.
    """

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return None
        try:
            value.share_memory_()  # type: ignore[no-untyped-call]
        except (RuntimeError, OSError) as error:
            if not isinstance(error, OSError) and "shared memory" not in str(error):
                raise
            raise DataError(no_room(str(error), needed=value.nbytes)) from error
        return True


def no_room(why: str, *, needed: int | None = None, folder: str = "/dev/shm") -> str:  # noqa: S108 - Linux names it
    """The message if data-loader workers find no space in shared memory."""
    try:
        found = os.statvfs(folder)
        size = f"{folder} has {found.f_frsize * found.f_blocks / 2**20:.4g} MiB"
    except OSError:
        size = f"{folder} cannot be used"
    wanted = "" if needed is None else f", one batch needs {needed / 2**20:.3g}"
    return (
        f"the data-loader workers are out of shared memory ({size}{wanted}): {cut(why, 200)}.\n"
        "  Set data.workers: 0 and train.workers: 0, or make it larger: docker run --shm-size=2g"
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread, as in a worker process.

    Images are processed one by one and most are small: several threads cost more than they save, and much
    more if other processes use the CPUs.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _unchanged(result: Any) -> Any:
    return result
