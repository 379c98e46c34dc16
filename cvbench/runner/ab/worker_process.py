"""One side's worker process, as its owner sees it: start, orders, end."""

from __future__ import annotations

import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar, runtime_checkable

from cvbench.errors import CellError
from cvbench.runner.ab.messages import Failed, Freed, Ready, SideAnswer, SideOrder, SliceTimes, read_answer
from cvbench.runner.ab.sides import ABSide
from cvbench.runner.process import end_worker, tail_of, worker_code, worker_variables

_Expected = TypeVar("_Expected", Freed, Ready, SliceTimes)


@runtime_checkable
class SideWorker(Protocol):
    """Does one thing at a time, when it is asked to."""

    def ask(self, order: SideOrder, expected: type[_Expected]) -> _Expected:
        """The answer to an order; raises CellError where the worker fails, hangs or has died."""
        ...


class _Process:
    def __init__(self, process: subprocess.Popen[bytes], log: Path, timeout_s: float) -> None:
        self._process, self._log, self._timeout_s = process, log, timeout_s
        self._pending = b""

    def ask(self, order: SideOrder, expected: type[_Expected]) -> _Expected:
        """Send the order, and wait for its answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(order.model_dump_json().encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise CellError(self._how_it_died()) from None
        answer: SideAnswer = read_answer(self._line())
        if isinstance(answer, Failed):
            raise CellError(answer.reason)
        if not isinstance(answer, expected):
            raise CellError(f"the worker answered {answer.kind} to {order.kind}.")
        return answer

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        deadline = time.monotonic() + self._timeout_s
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise CellError(f"no answer within {self._timeout_s:g} s")
            chunk = self._process.stdout.read1(1 << 16)  # type: ignore[attr-defined]
            if not chunk:
                raise CellError(self._how_it_died())
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _how_it_died(self) -> str:
        code = self._process.wait()
        last = [line for line in tail_of(self._log) if line.strip()][-1:]
        return f"the worker ended with {code}" + (f": {last[0]}" if last else "")


@contextmanager
def side_worker(side: ABSide, *, threads: Mapping[str, str], timeout_s: float) -> Iterator[SideWorker]:
    """A fresh process of this side; nothing of it is left after the block."""
    with TemporaryDirectory(prefix="cvbench-side-") as folder:
        log = Path(folder) / "output.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603, the side's own interpreter
                [side.python, *worker_code("cvbench.runner.ab.worker")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=side.folder,
                start_new_session=True,
                env={**side.environment(), **worker_variables(), **threads},
            )
        try:
            yield _Process(process, log, timeout_s)
        finally:
            end_worker(process)
            if process.stdout is not None:
                process.stdout.close()
