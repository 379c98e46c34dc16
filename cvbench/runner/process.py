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
from importlib.machinery import PathFinder
from pathlib import Path

from cvbench import units
from cvbench.errors import CellError, InputError
from cvbench.runner.messages import CellJob, Failure, News, RoundJob, WorkerJob, read_news

AHEAD = "--ahead"
"""Tells a worker to import what a cell needs before it reads its job."""
TAIL_LINES = 40
GRACE_S = 2.0
"""How long a worker that was asked to end may take before it is killed."""


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
        kills = _out_of_memory_kills()
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

    def listen(self, timeout_s: float, on_news: Callable[[News], bool]) -> Failure | None:
        """Pass on its news until it ends; a Failure where it is not done in time or sends what is no news.

        The time begins again where `on_news` returns True. A CellError of `on_news` is a Failure too.
        """
        deadline, pending = time.perf_counter() + timeout_s, b""
        late = Failure("timeout", f"not done after {units.show_seconds(timeout_s)}")
        while time.perf_counter() < deadline:
            ready, _, _ = select.select(
                [self.news_fd], [], [], min(0.5, max(0.0, deadline - time.perf_counter()))
            )
            if ready:
                chunk = os.read(self.news_fd, 1 << 16)
                if not chunk:
                    return None if self._ends(deadline) else late
                *lines, pending = (pending + chunk).split(b"\n")
                try:
                    for line in lines:
                        if on_news(read_news(line)):
                            deadline = time.perf_counter() + timeout_s
                except CellError as error:
                    return Failure("failed", str(error))
            elif self.process.poll() is not None:
                return None
        return late

    def how_it_ended(self) -> Failure:
        """What became of a worker that left nothing behind, and why."""
        code = self.process.wait()
        if code >= 0:
            return Failure("failed", f"the worker ended with exit code {code} and left no record")
        name = signal.Signals(-code).name
        if name == "SIGKILL" and _out_of_memory_kills() > self.kills:
            return Failure("oom", "the system killed the worker: out of memory")
        if name == "SIGKILL":
            by = "by hand, or by the system when memory ran out"
            return Failure("failed", f"the worker was killed (SIGKILL): {by}")
        return Failure("failed", f"the worker crashed ({name})")

    def last_lines(self) -> str:
        """The last lines that it printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])

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
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  (of nothing but our own words)
            [sys.executable, "-u", "-m", "cvbench.runner.worker", *([AHEAD] if ahead else [])],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(worker_fd,),
            start_new_session=True,
            env={**os.environ, **settings},
        )
    os.close(worker_fd)
    return Worker(process, news_fd, worker_fd, log, kills=0)


def refuse_namesake() -> None:
    """Raises InputError where workers would import another `cvbench`: that of the folder they start in."""
    if os.environ.get("PYTHONSAFEPATH"):
        return
    found = PathFinder.find_spec("cvbench", [str(Path.cwd())])
    own = Path(__file__).parents[1] / "__init__.py"
    if found is not None and found.origin is not None and not own.samefile(found.origin):
        raise InputError(
            f"{found.origin}: models would run by this, and not by the cvbench that runs, {own.parent}.\n"
            "  Give it another name, or start from another folder."
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
    _signal_group(worker.pid, signal.SIGKILL)  # loader processes that outlived it
    if worker.stdin is not None:
        worker.stdin.close()


def _signal_group(group: int, sign: signal.Signals) -> None:
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return  # all of it has ended


def _out_of_memory_kills() -> int:
    """How often the system has killed for memory in this control group; 0 where it does not tell."""
    try:
        lines = Path("/sys/fs/cgroup/memory.events").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was what failed; torch's CPU allocator has no type of its own for it."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )
