"""One arm's process: `python -m cvbench.runner.ab.worker`, started by `partner`.

It does what a line of JSON on standard input says, answers with a line of JSON, and is idle in between:
whoever holds the token is the only one to compute. What it imports it imports at once, so that a pair does
so side by side, before the first token; and it imports little, for every round pays for two of it. It ends
when its standard input does.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from typing import Any


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the user's code prints must not come between the answers
    gc.disable()  # an eighth of the imports' time would go into looking for garbage
    from cvbench.runner.ab.benchmark import Work
    from cvbench.spec.cell import Cell

    gc.enable()
    work: Work | None = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            match order["do"]:
                case "prepare":
                    work = Work(Cell.model_validate(order["cell"]), **order["how"])
                    answer: dict[str, Any] = {"once_s": work.once_s}
                case "slice":
                    assert work is not None
                    answer = work.slice(order["iterations"])
                case _:
                    work = None
                    gc.unfreeze()
                    gc.collect()
                    answer = {}
        except Exception as error:  # noqa: BLE001  (a failure is an answer)
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
