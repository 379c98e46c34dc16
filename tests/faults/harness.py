"""Runs a suite of stub cells, hurts it at a random moment, and looks at what is left.

    kill-driver, kill-worker, kill-all   SIGKILL for the command, for its worker, or for the whole group
    driver, worker                       a call of the system that fails: ENOSPC, EDQUOT, EROFS or EIO
    tmpfs                                a file system that is really full, where one can be mounted

The same command afterwards, without a fault, has to end well. The command is forked from this process, since
starting Python takes longer than all that is tested.
"""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cvbench.errors import CvbenchError
from cvbench.store import Run, StoredFile, read_record
from tests.faults.injected import faulty
from tests.runner.launching import HERE, SUITE, toy

KINDS = ("kill-driver", "driver", "worker", "kill-worker", "kill-all", "tmpfs")
MARK = "CVBENCH_FAULT_MARK"
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
LONGEST_S = 60


class Injection(NamedTuple):
    """What one injection did, and what was wrong afterwards."""

    kind: str
    seed: int
    what: str
    """What was injected."""
    codes: tuple[int, int]
    """The exit codes of the command with the fault, and of the same command afterwards."""
    lost: int
    """Finished records that changed or disappeared, and cells without a good record at the end."""
    torn: int
    """Records that cannot be read, or whose files are not those that were recorded."""
    tracebacks: int
    """Tracebacks and bugs that people saw."""
    faults: tuple[str, ...]
    """All that was wrong, in words."""
    seconds: float


def injected(kind: str, seed: int, folder: Path) -> Injection:
    """One injection into a run in this folder, which is empty."""
    began, moments = time.monotonic(), random.Random(f"{kind} {seed}")
    rounds = "rounds: 2, " if moments.random() < 0.5 else ""
    suite = folder / "toys.yaml"
    models = ", ".join(toy("linear", seed=number) for number in range(2))
    suite.write_text(SUITE.format(models=models, more="").replace("time: {", f"time: {{{rounds}"))
    results = folder / "results"
    fault, what = "", kind
    if kind in ("driver", "worker"):
        call, code = moments.choice(faulty.CALLS), moments.choice(ERRORS)
        number, stays = moments.randint(1, 30 if kind == "driver" else 4), moments.choice(["once", "stays"])
        fault = f"{kind} {call} {number} {code} {stays}"
        what = f"{errno.errorcode[code]} at {call} {number} of the {kind}, {stays}"
    size_kib = moments.randint(1, 25) * 4 if kind == "tmpfs" else None
    process = _start(suite, results, folder / "first.txt", fault=fault, size_kib=size_kib)
    if kind.startswith("kill"):
        delay_s = moments.uniform(0.0, 2.0)
        what = f"{kind} after {delay_s:.2f} s"
        _kill(kind, process, delay_s)
    elif size_kib is not None:
        what = f"a disk of {size_kib} KiB"
    first = _ended(process)
    faults = list(_traces(folder / "first.txt"))
    if _left_running(folder):
        faults.append("lost: a worker outlived the command")
    torn = list(_torn(results))
    good = {path: path.read_bytes() for path in results.glob("*/*/cells/*.json") if _is_good(path)}
    second = _ended(_start(suite, results, folder / "second.txt"))
    faults += [*torn, *_torn(results), *_traces(folder / "second.txt"), *_lost(results, good)]
    allowed = {0, 2, 3, *([-signal.SIGKILL] if kind in ("kill-driver", "kill-all") else [])}
    if first not in allowed or second != 0:
        faults.append(f"lost: exit codes {first} and {second}")
    counts = [sum(one.startswith(word) for one in faults) for word in ("lost", "torn", "traceback")]
    seconds = time.monotonic() - began
    return Injection(kind, seed, what, (first, second), *counts, tuple(faults), seconds)


def can_mount() -> bool:
    """Whether a file system can be mounted here, in a namespace of its own."""
    command = ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _start(suite: Path, results: Path, log: Path, *, fault: str = "", size_kib: int | None = None) -> int:
    """The process id of the command, which leads a group of its own."""
    process = os.fork()
    if process:
        return process
    code = faulty_exit = 99
    try:
        os.setsid()
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)
        paths = [Path(__file__).parent / "injected", HERE / "stubs", Path(__file__).parents[2]]
        os.environ["PYTHONPATH"] = os.pathsep.join(map(str, paths))
        os.environ[faulty.FAULT], os.environ[MARK] = fault, str(log.parent)
        sys.path[:0] = map(str, paths[:2])  # where a command that is started would find the stubs
        command = ["run", str(suite), "--out", str(results)]
        if size_kib is not None:
            _run_on_small_disk(command, results, size_kib)
        code = _command(command)
    except BaseException:  # noqa: BLE001 - a forked process must not return into the harness
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code if code != faulty_exit else 70)
    raise AssertionError


def _command(arguments: list[str]) -> int:
    from cvbench.cli.main import app

    faulty.install("driver")
    try:
        app(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def _run_on_small_disk(command: list[str], results: Path, size_kib: int) -> None:
    """Replace this process by the command in a namespace where the results are on a small disk.

    What it left is copied out before the namespace ends: the disk is gone then.
    """
    results.mkdir()
    beside = results.with_name("copy")
    script = (
        f"mount -t tmpfs -o size={size_kib}k tmpfs '{results}' || exit 98\n"
        f"'{sys.executable}' -m cvbench {' '.join(map(repr, command))}\ncode=$?\n"
        f"cp -a '{results}' '{beside}'; umount '{results}'; cp -a '{beside}/.' '{results}/'; exit $code"
    )
    os.execvp("unshare", ["unshare", "-m", "sh", "-c", script])


def _kill(kind: str, process: int, delay_s: float) -> None:
    until = time.monotonic() + delay_s
    time.sleep(delay_s)
    if kind == "kill-worker":
        while not (workers := _workers_of(process)):
            if time.monotonic() > until + 2 or _has_ended(process):
                return
            time.sleep(0.02)
        with suppress(ProcessLookupError):
            os.kill(random.choice(workers), signal.SIGKILL)
        return
    with suppress(ProcessLookupError):
        (os.killpg if kind == "kill-all" else os.kill)(process, signal.SIGKILL)


def _has_ended(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _ended(process: int) -> int:
    """The exit code, negative for a signal; a command that hangs is killed."""
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return 124


def _processes() -> Iterator[tuple[int, Path]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            yield int(folder.name), folder


def _workers_of(parent: int) -> list[int]:
    found = []
    for number, folder in _processes():
        with suppress(OSError):
            above = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if above == parent and b"cvbench.runner.worker" in (folder / "cmdline").read_bytes():
                found.append(number)
    return found


def _left_running(folder: Path, patience_s: float = 5.0) -> bool:
    """Whether a worker of this injection is there after a while."""
    until, mark = time.monotonic() + patience_s, f"{MARK}={folder}".encode()
    while time.monotonic() < until:
        left = False
        for _, process in _processes():
            with suppress(OSError):
                is_worker = b"cvbench.runner.worker" in (process / "cmdline").read_bytes()
                left |= is_worker and mark in (process / "environ").read_bytes().split(b"\0")
        if not left:
            return False
        time.sleep(0.05)
    return True


def _traces(log: Path) -> Iterator[str]:
    text = log.read_text(encoding="utf-8", errors="replace")
    for word in ("Traceback (most recent", "This is a bug in cvbench"):
        if word in text:
            yield f"traceback: {text[-2000:]}"
            return


def _torn(results: Path) -> Iterator[str]:
    for path in results.glob("*/*/cells/*.json"):
        try:
            record, run = read_record(path), Run(path.parents[1])
            for item in record.attachments:
                StoredFile(run, record, item).table()
        except CvbenchError as error:
            yield f"torn: {error}"


def _is_good(path: Path) -> bool:
    try:
        return read_record(path).outcome == "ok"
    except CvbenchError:
        return False  # it is counted as torn


def _lost(results: Path, good: dict[Path, bytes]) -> Iterator[str]:
    """What was finished and is not there any more, and what the last run did not bring to its end."""
    for path, content in good.items():
        if not path.exists() or path.read_bytes() != content:
            yield f"lost: {path.name} was finished, and has changed"
    outcomes = [read_record(path).outcome for path in results.glob("toys/*/cells/*.json")]
    if outcomes != ["ok"] * 2:
        yield f"lost: the records in the end are {outcomes}"
    litter = [*results.glob("*/*/.staging/*"), *results.glob("*/*/held/*")]
    litter += list(results.rglob(".*.json.*"))
    if litter:
        yield f"lost: {litter[0]} was left behind"
    if len(list(results.glob("toys/2*"))) != 1:
        yield "lost: more than one folder is left of one run"
