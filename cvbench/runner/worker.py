"""The process that carries out one cell: `python -m cvbench.runner.worker`, started by `local`.

It reads its job from standard input, tells its news through the pipe that the job names, and leaves
record.json in its staging folder. A failure of whatever kind becomes a record: this is the one place
in cvbench that catches every exception.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from cvbench import environment
from cvbench.errors import CvbenchError
from cvbench.record import Outcome, Record
from cvbench.runner.ledger import Ledger, Progress
from cvbench.spec import Cell


def main() -> None:
    """Do the job on standard input."""
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    news = int(job["news"])
    os.set_inheritable(news, False)
    cell = Cell.model_validate(job["cell"])
    staged = Path(job["staged"])

    def tell(progress: Progress) -> None:
        os.write(news, json.dumps(asdict(progress)).encode() + b"\n")

    started = datetime.fromtimestamp(job["started"], UTC)
    ledger = Ledger(tell)
    ledger.tell(Progress("import"))
    record = _attempt(cell, staged, Path(job["checkpoints"]), ledger, started)
    (staged / "record.json").write_text(record.model_dump_json(), encoding="utf-8")


def _attempt(cell: Cell, staged: Path, checkpoints: Path, ledger: Ledger, started: datetime) -> Record:
    try:
        from cvbench.runner.cell import carry_out  # imports torch

        ledger.spent["import"] = time.time() - started.timestamp()
        findings = carry_out(cell, staged=staged, checkpoints=checkpoints, ledger=ledger)
    except Exception as error:  # noqa: BLE001  (a failure is a record)
        traceback.print_exc()
        outcome, reason = _verdict(error)
        return Record(
            key=cell.key,
            cell=cell,
            outcome=outcome,
            reason=reason,
            output=None if isinstance(error, CvbenchError) else traceback.format_exc(limit=-12),
            started=started,
            wall_s=time.time() - started.timestamp(),
            spent=ledger.spent,
            environment=environment.probe(),
        )
    return Record(
        key=cell.key,
        cell=cell,
        outcome="ok",
        started=started,
        wall_s=time.time() - started.timestamp(),
        spent=ledger.spent,
        environment=environment.probe(),
        **findings,
    )


def _verdict(error: Exception) -> tuple[Outcome, str]:
    if isinstance(error, CvbenchError):
        return "failed", str(error)
    text = str(error)
    out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if out_of_memory or "can't allocate memory" in text:  # torch's CPU allocator has no type for it
        return "oom", f"out of memory: {text.splitlines()[0] if text else type(error).__name__}"
    return "failed", f"{type(error).__name__}: {text}"


def _end_with_parent() -> None:
    """Wait for the parent's end of standard input to close, then end this whole process group."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
