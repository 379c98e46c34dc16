"""A worker process on this machine, from its start to the end of its whole group.

The worker reports through a pipe of its own: a line of JSON for each piece of news. What it prints
goes to a file, whose end explains a failure. It runs in a process group of its own, so that it and
its data-loader workers can be ended together; it ends itself when its standard input closes, so that
it does not outlive this process, however that ends.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cvbench import units
from cvbench.errors import CellError, InputError
from cvbench.runner.messages import CellJob, Failure, News, RoundJob, WorkerJob, read_news
from cvbench.runner.out_of_memory import memory_kills
from cvbench.spec.catalogue.own_code import find_module
from cvbench.spec.folders import compile_caches

AHEAD = "--ahead"
"""Argument of a worker that does its imports before it reads its job."""
TAIL_LINES = 40
TAIL_BYTES = 1 << 14
"""Most characters of a worker's output that a record keeps."""
LOG_BYTES = 1 << 24
"""About how much of the output is kept on disk; older output is removed."""
NEWS_BYTES = 1 << 20
"""The longest line of news."""
GRACE_S = 2.0
"""How long a worker that was asked to end may take before it is killed."""
UNWRITABLE = 74
"""The exit code of a worker whose result the disk refused: EX_IOERR of sysexits.h."""
LINGER_S = 10.0
"""How long a worker that has left its result may take to end."""


@dataclass(frozen=True)
class Worker:
    """A running worker."""

    process: subprocess.Popen[bytes]
    news_fd: int
    """Where its news is read."""
    worker_fd: int
    """The number by which the worker knows the other end."""
    log: Path
    """What it prints."""
    kills: int
    """How often the system had killed for memory before it had work."""

    def send(self, job: CellJob | RoundJob) -> Worker:
        """Give it its job; standard input stays open, since its end tells the worker that we are gone."""
        assert self.process.stdin is not None
        kills = memory_kills()
        message = WorkerJob(job=job, news_fd=self.worker_fd, started=time.time())
        try:
            self.process.stdin.write(message.model_dump_json().encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died immediately; its exit code and output tell why
        return replace(self, kills=kills)

    def end(self) -> None:
        """Leave nothing of it behind."""
        end_worker(self.process)
        os.close(self.news_fd)

    def listen(self, timeout_s: float, on_news: Callable[[News], float | None]) -> Failure | None:
        """Pass on its news until it ends; a Failure where it is not done in time or sends invalid news.

        Where `on_news` returns a number, it has that many seconds from then. A CellError of `on_news` is a
        Failure too.
        """
        deadline, pending = time.perf_counter() + timeout_s, b""
        late = Failure("timeout", f"not done after {units.show_seconds(timeout_s)}")
        while time.perf_counter() < deadline:
            ready, _, _ = select.select(
                [self.news_fd], [], [], min(0.5, max(0.0, deadline - time.perf_counter()))
            )
            shorten(self.log)
            if ready:
                chunk = os.read(self.news_fd, 1 << 16)
                if not chunk:
                    return None if self._ends(deadline) else late
                *lines, pending = (pending + chunk).split(b"\n")
                try:
                    if len(pending) > NEWS_BYTES:
                        read_news(pending)
                    for line in lines:
                        left_s = on_news(read_news(line))
                        if left_s is not None:
                            deadline = time.perf_counter() + left_s
                except CellError as error:
                    return Failure("failed", str(error))
            elif self.process.poll() is not None:
                return None
        return late

    def how_it_ended(self) -> Failure:
        """What became of a worker that left nothing behind, and why."""
        code = self.process.wait()
        if code == UNWRITABLE and (told := tail_of(self.log)):
            return Failure("failed", f"the worker could not write its result: {told[-1]}")
        if code >= 0:
            return Failure("failed", f"the worker ended with exit code {code} and left no record")
        name = signal.Signals(-code).name
        if name == "SIGKILL" and memory_kills() > self.kills:
            return Failure("oom", "the system killed the worker: out of memory")
        if name == "SIGKILL":
            by = "by hand, or by the system when memory ran out"
            return Failure("failed", f"the worker was killed (SIGKILL): {by}")
        return Failure("failed", f"the worker crashed ({name})")

    def last_lines(self) -> str:
        """The last lines that it printed; none where its folder is gone."""
        return "\n".join(tail_of(self.log))

    def _ends(self, deadline: float) -> bool:
        try:
            self.process.wait(max(0.0, deadline - time.perf_counter()))
        except subprocess.TimeoutExpired:
            return False
        return True


def start_worker(*, log: Path, settings: Mapping[str, str], ahead: bool = False) -> Worker:
    """A worker without work, with these settings in its environment; `ahead` if work comes later only.

    Until then it imports what a cell needs.
    """
    news_fd, worker_fd = os.pipe()
    with log.open("wb"):
        pass
    with log.open("ab") as output:  # appending: what is cut meanwhile leaves no hole
        process = subprocess.Popen(  # noqa: S603  (of nothing but our own words)
            [sys.executable, *worker_code("cvbench.runner.worker"), *([AHEAD] if ahead else [])],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(worker_fd,),
            start_new_session=True,
            env={**os.environ, **worker_variables(), **settings},
        )
    os.close(worker_fd)
    return Worker(process, news_fd, worker_fd, log, kills=0)


def worker_variables() -> dict[str, str]:
    """What every worker has in its environment: a log in UTF-8, and compile caches of its user alone."""
    return {"PYTHONIOENCODING": "utf-8:backslashreplace", **compile_caches()}


def tail_of(log: Path) -> list[str]:
    """The last lines of a worker's log, 40 and 16 KiB at most; none where there is no such file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            content = file.read(TAIL_BYTES)
    except OSError:
        return []
    return content.decode("utf-8", errors="replace").splitlines()[-TAIL_LINES:]


def shorten(log: Path) -> None:
    """Cut a log that has grown too long to its last lines."""
    try:
        if log.stat().st_size > LOG_BYTES:
            lines = tail_of(log)
            os.truncate(log, 0)
            with log.open("a", encoding="utf-8") as file:
                file.write("\n".join(["…", *lines]))
    except OSError:
        return  # the model's code removed it


def worker_code(module: str) -> list[str]:
    """Python's arguments for `main` of a module.

    No file in the working folder replaces a library (`-P`); it is searched last, for your own modules.
    """
    start = f"import os, sys; sys.path.append(os.getcwd()); from {module} import main; main()"
    return ["-u", "-P", "-c", start]


def refuse_namesake() -> None:
    """Raises InputError where workers would import another `cvbench` than the one that runs."""
    found = find_module("cvbench")
    own = Path(__file__).parents[1] / "__init__.py"
    if found is None or found.origin is None or not own.samefile(found.origin):
        raise InputError(
            f"{found.origin if found else 'no cvbench'}: workers would import this instead of the cvbench "
            f"that runs, {own.parent}.\n  Install that one, or put its folder on PYTHONPATH."
        )


@contextmanager
def working(job: CellJob | RoundJob, worker: Worker) -> Iterator[Worker]:
    """The worker on this job; the block leaves nothing of it behind."""
    try:
        yield worker.send(job)
    finally:
        worker.end()


def thread_settings(threads: int) -> dict[str, str]:
    """Set before torch is imported: its thread pools are sized then."""
    return dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))


def end_worker(worker: subprocess.Popen[bytes]) -> None:
    """Make sure that nothing of the worker's process group is left."""
    for sign, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, None)):
        if worker.poll() is not None:
            break
        _signal_group(worker.pid, sign)
        try:
            worker.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    _signal_group(worker.pid, signal.SIGKILL)  # data-loader workers that outlived it
    if worker.stdin is not None:
        worker.stdin.close()


def _signal_group(group: int, sign: signal.Signals) -> None:
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return  # all of it has ended
