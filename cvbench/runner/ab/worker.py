"""One side's process: `python -m cvbench.runner.ab.worker`, started by `worker_process`.

It does what an order on standard input says, answers with a line of JSON, and is idle in between: whoever was
asked last is the only one to compute. What it imports it imports at the start, so that a pair does so side by
side, before the first order; and it imports little, for every round pays for two of it. It ends when its
standard input does.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback

from cvbench.data.lifetime import end_with_parent
from cvbench.errors import cut


def main() -> None:
    """SideAnswer until standard input ends."""
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the user's code prints must not come between the answers
    gc.disable()  # an eighth of the imports' time would go into looking for garbage
    from cvbench.runner.ab.benchmark import PreparedBenchmark
    from cvbench.runner.ab.messages import Failed, Freed, Prepare, Ready, SideAnswer, TimeSlice, read_order

    gc.enable()
    prepared: PreparedBenchmark | None = None
    for line in sys.stdin:
        answer: SideAnswer
        try:
            match read_order(line):
                case Prepare() as order:
                    prepared = PreparedBenchmark(order)
                    answer = Ready(once_s=prepared.once_s)
                case TimeSlice() as order:
                    assert prepared is not None
                    answer = prepared.time_slice(order.iterations)
                case _:
                    prepared = None
                    gc.unfreeze()
                    gc.collect()
                    answer = Freed()
        except Exception as error:  # noqa: BLE001  (a failure is an answer)
            traceback.print_exc()
            answer = Failed(reason=cut(f"{type(error).__name__}: {error}", 2_000))
        answers.write(answer.model_dump_json() + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
