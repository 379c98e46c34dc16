"""The process that works for `process`: `python -m cvbench.runner.worker`.

It reads its WorkerJob from standard input, one cell from start to end or one round of timing, sends its
news through the pipe that the job names, and leaves what it found in the job's folders. A failure of
whatever kind becomes a part of a record: this is the one place in cvbench that catches every exception.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from cvbench.data.lifetime import end_with_parent
from cvbench.errors import CellError, CvbenchError, cut
from cvbench.files import write_whole
from cvbench.record import Outcome, Record, Round
from cvbench.runner import environment
from cvbench.runner.messages import (
    RECORD,
    ROUND,
    CellFinished,
    CellJob,
    CellResult,
    News,
    ProgressNews,
    RoundJob,
    RoundResult,
    RoundSlot,
    SlotFinished,
    SlotStarted,
    SlotTimings,
    WorkerJob,
)
from cvbench.runner.out_of_memory import is_out_of_memory
from cvbench.runner.process import AHEAD, UNWRITABLE
from cvbench.runner.progress import Progress, StageTimes

REASON, TRACE = 2_000, 16_000
"""How many characters of an exception's text, and of its traceback, a record keeps."""

Send = Callable[[News], None]
_Result = TypeVar("_Result", CellResult, SlotTimings)


def main() -> None:
    """Do the job on standard input."""
    end_with_parent()
    if AHEAD in sys.argv[1:]:
        _import_ahead()
    if not (line := sys.stdin.buffer.readline()):
        return  # started ahead, and not needed
    given = WorkerJob.model_validate_json(line)
    threading.Thread(target=_end_with_input, daemon=True).start()
    os.set_inheritable(given.news_fd, False)

    pipe = os.fstat(given.news_fd)

    def send(news: News) -> None:
        try:
            if not os.path.samestat(pipe, os.fstat(given.news_fd)):
                raise BrokenPipeError
            os.write(given.news_fd, news.model_dump_json().encode() + b"\n")
        except OSError:
            raise CellError("the pipe by which the worker reports was closed by the model's code.") from None

    started = datetime.fromtimestamp(given.started, UTC)
    try:
        match given.job:
            case CellJob() as job:
                _do_cell(job, send, started)
            case RoundJob() as job:
                _do_round(job, send, started)
    except OSError as error:
        sys.stdout.write(f"{error.filename}: {error.strerror or error}\n")
        sys.exit(UNWRITABLE)
    gc.freeze()  # at its end Python would look through all of torch for garbage, for a second and more


def _import_ahead() -> None:
    try:
        import cvbench.runner.cell  # noqa: F401
    except Exception:  # noqa: BLE001  (the cell will find the same, and say it)
        traceback.print_exc()


def _do_cell(job: CellJob, send: Send, started: datetime) -> None:
    times = StageTimes(lambda progress: send(ProgressNews(progress=progress)))
    times.report(Progress("import"))

    def work() -> CellResult:
        from cvbench.runner.cell import run_cell  # imports torch

        times.spent["import"] = time.time() - started.timestamp()
        return run_cell(job, times=times)

    result = _guarded(work, CellResult)
    machine = environment.probe()
    machine = machine.model_copy(update={"volatile": {**machine.volatile, **result.conditions}})
    record = Record(
        key=job.cell.key,
        cell=job.cell,
        outcome=result.outcome,
        reason=result.reason,
        output=result.output,
        started=started,
        wall_s=time.time() - started.timestamp(),
        spent=times.spent,
        environment=machine,
        artifact=result.artifact,
        passports=result.passports,
        measurements=result.measurements,
        curve=result.curve,
        skipped_samples=result.skipped_samples,
        shadowed_objects=result.shadowed_objects,
        attachments=result.attachments,
        cautions=result.cautions,
        notes=result.notes,
    )
    write_whole(job.staged / RECORD, record.model_dump_json().encode())
    with suppress(CellError):  # that it ends tells the same, a little later
        send(CellFinished())


def _do_round(job: RoundJob, send: Send, started: datetime) -> None:
    """Time slot after slot; after the first that fails this process times no other."""
    for number, slot in enumerate(job.slots):
        send(SlotStarted(place=slot.place))
        is_first = number == 0
        result = _do_slot(job, slot, send, started if is_first else datetime.now(UTC), is_first=is_first)
        write_whole(slot.staged / ROUND, result.model_dump_json().encode())
        send(SlotFinished(place=slot.place))
        if result.is_last:
            return


def _do_slot(job: RoundJob, slot: RoundSlot, send: Send, started: datetime, *, is_first: bool) -> RoundResult:
    times = StageTimes(lambda progress: send(ProgressNews(progress=progress)))

    def work() -> SlotTimings:
        from cvbench.runner.round_worker import time_slot  # imports torch

        times.spent["import"] = time.time() - started.timestamp()
        return time_slot(slot, times=times, seed=job.seed, is_first=is_first)

    timings = _guarded(work, SlotTimings)
    timed = Round(
        number=job.number,
        seed=job.seed,
        place=slot.place,
        outcome=timings.outcome,
        reason=timings.reason,
        output=timings.output,
        started=started,
        wall_s=time.time() - started.timestamp(),
        spent=times.spent,
        conditions={**environment.probe().volatile, **timings.conditions},
        measurements=timings.measurements,
        cautions=timings.cautions,
    )
    return RoundResult(round=timed, attachments=timings.attachments, frozen=timings.frozen, worn=timings.worn)


def _guarded(work: Callable[[], _Result], failed: type[_Result]) -> _Result:
    """What the work found; or, of the same type, why it found nothing."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  (a failure is a record)
        outcome, reason = _outcome_of(error)
        output = None if isinstance(error, CvbenchError) else _trace_of(error)
        sys.stderr.write(_trace_of(error))
        return failed(outcome=outcome, reason=reason, output=output)


def _outcome_of(error: Exception) -> tuple[Outcome, str]:
    text = cut(str(error), REASON)
    if isinstance(error, CvbenchError):
        return "failed", text
    if is_out_of_memory(error):
        return "oom", f"out of memory: {text.splitlines()[0] if text else type(error).__name__}"
    return "failed", f"{type(error).__name__}: {text}"


def _trace_of(error: Exception) -> str:
    """The end of the traceback; a message of gigabytes is not formatted."""
    if len(str(error)) > REASON:
        told = [*traceback.format_tb(error.__traceback__, limit=-12), ": ".join(_outcome_of(error))]
    else:
        told = traceback.format_exception(error, limit=-12)
    return cut("".join(told), TRACE)


def _end_with_input() -> None:
    """Wait for the parent's end of standard input to close, then end this whole process group."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
