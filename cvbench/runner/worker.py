"""The process that works for `process`: `python -m cvbench.runner.worker`.

It reads its job from standard input, one cell from start to end or one round of timing, tells its
news through the pipe that the job names, and leaves what it found in the job's folders. A failure of
whatever kind becomes a part of a record: this is the one place in cvbench that catches every exception.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cvbench.errors import CvbenchError
from cvbench.record import Outcome, Record, Round
from cvbench.runner import environment
from cvbench.runner.process import AHEAD, is_out_of_memory
from cvbench.runner.progress import Ledger, Progress
from cvbench.runner.round_process import REPORT, Turn, TurnReport
from cvbench.spec.cell import Cell

Tell = Callable[[dict[str, Any]], None]


def main() -> None:
    """Do the job on standard input."""
    if AHEAD in sys.argv[1:]:
        _import_ahead()
    if not (line := sys.stdin.buffer.readline()):
        return  # started ahead, and not needed
    job = json.loads(line)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    news = int(job["news"])
    os.set_inheritable(news, False)

    def tell(message: dict[str, Any]) -> None:
        os.write(news, json.dumps(message).encode() + b"\n")

    started = datetime.fromtimestamp(job["started"], UTC)
    if "turns" in job:
        _serve_round(job, tell, started)
    else:
        _carry_out_cell(job, tell, started)
    gc.freeze()  # at its end Python would look through all of torch for garbage, for a second and more


def _import_ahead() -> None:
    try:
        import cvbench.runner.cell  # noqa: F401
    except Exception:  # noqa: BLE001  (the cell will find the same, and say it)
        traceback.print_exc()


def _carry_out_cell(job: dict[str, Any], tell: Tell, started: datetime) -> None:
    cell, staged = Cell.model_validate(job["cell"]), Path(job["staged"])
    ledger = Ledger(lambda progress: tell(asdict(progress)))
    ledger.tell(Progress("import"))

    def work() -> dict[str, Any]:
        from cvbench.runner.cell import carry_out  # imports torch

        ledger.spent["import"] = time.time() - started.timestamp()
        return carry_out(cell, staged=staged, checkpoints=Path(job["checkpoints"]), ledger=ledger)

    findings = _guarded(work)
    machine = environment.probe()
    machine = machine.model_copy(update={"volatile": {**machine.volatile, **findings.pop("conditions", {})}})
    record = Record(
        key=cell.key,
        cell=cell,
        started=started,
        wall_s=time.time() - started.timestamp(),
        spent=ledger.spent,
        environment=machine,
        **findings,
    )
    (staged / "record.json").write_text(record.model_dump_json(), encoding="utf-8")


def _serve_round(job: dict[str, Any], tell: Tell, started: datetime) -> None:
    """Time cell after cell; after the first that fails this process serves no other."""
    for place, turn in enumerate(Turn.model_validate(turn) for turn in job["turns"]):
        tell({"turn": place})
        began = started if place == 0 else datetime.now(UTC)
        ledger = Ledger(lambda progress: tell({"progress": asdict(progress)}))

        def work(
            turn: Turn = turn, ledger: Ledger = ledger, began: datetime = began, place: int = place
        ) -> dict[str, Any]:
            from cvbench.runner.round_worker import take_turn  # imports torch

            ledger.spent["import"] = time.time() - began.timestamp()
            return take_turn(turn, ledger=ledger, seed=job["seed"], is_first=place == 0)

        findings = _guarded(work)
        parts = {name: findings.pop(name) for name in ("attachments", "frozen", "worn") if name in findings}
        taken = Round(
            number=job["number"],
            seed=job["seed"],
            place=job["places"][place],
            started=began,
            wall_s=time.time() - began.timestamp(),
            spent=ledger.spent,
            conditions={**environment.probe().volatile, **findings.pop("conditions", {})},
            **findings,
        )
        report = TurnReport(round=taken, **parts)
        (turn.staged / REPORT).write_text(report.model_dump_json(), encoding="utf-8")
        tell({"taken": place})
        if report.is_last:
            return


def _guarded(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the work found, with its outcome; or why it found nothing."""
    try:
        return {"outcome": "ok", **work()}
    except Exception as error:  # noqa: BLE001  (a failure is a record)
        traceback.print_exc()
        outcome, reason = _verdict(error)
        output = None if isinstance(error, CvbenchError) else traceback.format_exc(limit=-12)
        return {"outcome": outcome, "reason": reason, "output": output}


def _verdict(error: Exception) -> tuple[Outcome, str]:
    if isinstance(error, CvbenchError):
        return "failed", str(error)
    text = str(error)
    if is_out_of_memory(error):
        return "oom", f"out of memory: {text.splitlines()[0] if text else type(error).__name__}"
    return "failed", f"{type(error).__name__}: {text}"


def _end_with_parent() -> None:
    """Wait for the parent's end of standard input to close, then end this whole process group."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
