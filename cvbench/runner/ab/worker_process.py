"""One arm's worker, seen from the one who hands out the token."""

from __future__ import annotations

import json
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

from cvbench.errors import CellError
from cvbench.runner.ab.sides import Arm
from cvbench.runner.process import end_worker


@runtime_checkable
class Partner(Protocol):
    """Does one thing at a time, when it is asked to."""

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Its answer; raises CellError where it fails, hangs or has died."""
        ...


class _Process:
    def __init__(self, process: subprocess.Popen[bytes], log: Path, timeout_s: float) -> None:
        self._process, self._log, self._timeout_s = process, log, timeout_s
        self._pending = b""

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Hand over the token, and wait until it comes back."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise CellError(self._how_it_died()) from None
        answer: dict[str, Any] = json.loads(self._line())
        if "error" in answer:
            raise CellError(answer["error"])
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
        last = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        return f"the worker ended with {code}" + (f": {last[0]}" if last else "")


@contextmanager
def partner(arm: Arm, *, threads: Mapping[str, str], timeout_s: float) -> Iterator[Partner]:
    """A fresh process of this arm; nothing of it is left after the block."""
    with TemporaryDirectory(prefix="cvbench-arm-") as folder:
        log = Path(folder) / "output.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603, the arm's own interpreter
                [arm.python, "-u", "-m", "cvbench.runner.ab.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=arm.folder,
                start_new_session=True,
                env={**arm.environment(), **threads},
            )
        try:
            yield _Process(process, log, timeout_s)
        finally:
            end_worker(process)
            if process.stdout is not None:
                process.stdout.close()
