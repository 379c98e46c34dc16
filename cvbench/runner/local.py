"""Carries out one cell in a fresh process on this machine, whatever becomes of that process.

The worker speaks through a pipe of its own: a line of JSON for each piece of news. What it prints
goes to a file, whose end explains a failure. It lives in a process group of its own, so that it and
its loader processes can be ended together; it ends itself when its standard input closes, so that
it does not outlive this process, however that ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cvbench import environment, units
from cvbench.record import Outcome, Record
from cvbench.runner.ledger import Progress
from cvbench.spec import Cell

TAIL_LINES = 40
GRACE_S = 2.0
"""How long a worker that was asked to end may take before it is killed."""


@dataclass(frozen=True)
class Workspace:
    """Where a cell's files go while it works."""

    staged: Path
    """A folder of the cell's own: raw samples, outcomes, the worker's output."""
    checkpoints: Path


def carry_out(
    cell: Cell, workspace: Workspace, *, timeout_s: float, on_progress: Callable[[Progress], None]
) -> Record:
    """The cell's record. Only an interruption of this process gets out as an exception."""
    started, clock = datetime.now(UTC), time.perf_counter()
    news, worker_end = os.pipe()
    log = workspace.staged / "output.txt"
    kills = _out_of_memory_kills()
    job = {
        "cell": cell.model_dump(mode="json"),
        "staged": str(workspace.staged),
        "checkpoints": str(workspace.checkpoints),
        "news": worker_end,
        "started": time.time(),
    }
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-u", "-m", "cvbench.runner.worker"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(worker_end,),
            start_new_session=True,
            env={**os.environ, **_thread_settings(cell)},
        )
    os.close(worker_end)
    try:
        assert worker.stdin is not None
        _hand_over(worker, json.dumps(job).encode() + b"\n")
        in_time = _listen(news, worker, clock + timeout_s, on_progress)
        code = worker.wait() if in_time else None
    finally:
        _end(worker)
        os.close(news)
    wall_s = time.perf_counter() - clock
    record_file = workspace.staged / "record.json"
    if code == 0 and record_file.exists():
        return Record.model_validate_json(record_file.read_bytes()).model_copy(update={"wall_s": wall_s})
    outcome: Outcome = "timeout"
    reason = f"not done after {units.show_seconds(timeout_s)}"
    if code is not None:
        outcome, reason = _how_it_ended(code, killed_for_memory=_out_of_memory_kills() > kills)
    return unfinished(cell, outcome=outcome, reason=reason, output=_tail(log), started=started, wall_s=wall_s)


def unfinished(
    cell: Cell, *, outcome: Outcome, reason: str, output: str | None, started: datetime, wall_s: float
) -> Record:
    """The record of a cell that yielded nothing, written on its behalf."""
    return Record(
        key=cell.key,
        cell=cell,
        outcome=outcome,
        reason=reason,
        output=output,
        started=started,
        wall_s=wall_s,
        environment=environment.probe(),
    )


def _thread_settings(cell: Cell) -> dict[str, str]:
    """Set before torch is imported: its thread pools are sized then."""
    threads = str(cell.runtime.threads or environment.threads_available())
    return {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads}


def _hand_over(worker: subprocess.Popen[bytes], job: bytes) -> None:
    """Send the job and leave the pipe open: its end tells the worker that we are gone."""
    assert worker.stdin is not None
    try:
        worker.stdin.write(job)
        worker.stdin.flush()
    except BrokenPipeError:
        pass  # it died at once; its exit code and output tell why


def _listen(
    news: int, worker: subprocess.Popen[bytes], deadline: float, on_progress: Callable[[Progress], None]
) -> bool:
    """Pass on what the worker says until it ends; False if the deadline comes first."""
    pending = b""
    while time.perf_counter() < deadline:
        ready, _, _ = select.select([news], [], [], min(0.5, max(0.0, deadline - time.perf_counter())))
        if ready:
            chunk = os.read(news, 1 << 16)
            if not chunk:
                return _ends(worker, deadline)
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                on_progress(Progress(**json.loads(line)))
        elif worker.poll() is not None:
            return True
    return False


def _ends(worker: subprocess.Popen[bytes], deadline: float) -> bool:
    try:
        worker.wait(max(0.0, deadline - time.perf_counter()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(worker: subprocess.Popen[bytes]) -> None:
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


def _how_it_ended(code: int, *, killed_for_memory: bool) -> tuple[Outcome, str]:
    if code >= 0:
        return "failed", f"the worker ended with exit code {code} and left no record"
    name = signal.Signals(-code).name
    if name == "SIGKILL" and killed_for_memory:
        return "oom", "the system killed the worker: out of memory"
    if name == "SIGKILL":
        return "failed", "the worker was killed (SIGKILL): by hand, or by the system when memory ran out"
    return "failed", f"the worker crashed ({name})"


def _out_of_memory_kills() -> int:
    """How often the system has killed for memory in this control group; 0 where it does not tell."""
    try:
        lines = Path("/sys/fs/cgroup/memory.events").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])
