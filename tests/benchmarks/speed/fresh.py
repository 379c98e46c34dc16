"""Measurements that need a new process: peak memory, and the cost of first calls.

python -m tests.benchmarks.speed.fresh PART, where PART is one of

    memory CONTENDER [TRUTH RESULTS]   peak memory in bytes
    first-calls                        time of first calls beyond second calls
    ahead                              time to compile everything in advance
"""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.speed.peers import Files, evaluated, loaded
from tests.benchmarks.speed.scenes import boxes_at_size


def child(*arguments: str, **environment: str) -> Any:
    """The output of a new process."""
    command = [sys.executable, "-m", "tests.benchmarks.speed.fresh", *arguments]
    run = subprocess.run(command, capture_output=True, check=True, env={**os.environ, **environment})
    return json.loads(run.stdout.splitlines()[-1])


def memory(contender: str, *files: str) -> int:
    """Peak resident memory above the value with the data loaded, in bytes."""
    if contender == "cvbench":
        from cvbench.metrics.coco.evaluation import evaluate_coco
        from cvbench.metrics.coco.summary import values

        def work(scene: Any) -> None:
            values(evaluate_coco(scene.truth, scene.detections, classes=80))

        work(boxes_at_size(images=5, found=3, objects=9))  # compiled before, like the peers' code
        scene = boxes_at_size()
        before = _from_here()
        work(scene)
    else:
        sides = loaded(contender, Files(*map(Path, files)))
        before = _from_here()
        evaluated(contender, sides, "bbox")
    return _status("VmHWM") - before


def _from_here() -> int:
    """Current resident memory; resets the peak."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


NUMBA = "numba imports itself"
"""Imports that the first kernel needs: most of numba's modules, and scipy's BLAS."""


def first_calls() -> dict[str, float]:
    """CPU seconds per piece of work: first call minus second call. CPU time is robust to other processes."""
    beyond = {}
    pieces = _pieces()
    gc.freeze()  # otherwise a garbage collection of all imported objects falls into some call
    for name, call in pieces.items():
        times = []
        for _ in range(2):
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        beyond[name] = max(0.0, times[0] - times[1])
    return beyond


def _pieces() -> dict[str, Callable[[], Any]]:
    """Small calls of all kernels of boxes, metrics and readers; imports happen here."""
    from numba.core.registry import cpu_target

    from cvbench.cli.kernels import calls

    def numba_itself() -> None:
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()

    return {NUMBA: numba_itself, **calls()}


def ahead() -> float:
    """Seconds to compile everything, as `cvbench env --compile` does, without imports."""
    from cvbench.cli.kernels import compile_all

    start = time.perf_counter()
    list(compile_all())
    return time.perf_counter() - start


if __name__ == "__main__":
    answers = {"memory": memory, "first-calls": first_calls, "ahead": ahead}
    answer = answers[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(answer))
