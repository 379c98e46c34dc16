"""Runs cvbench as a user does, in a process of its own, on suites of toys.

Where only the processes matter, `stubs=True` lets the workers run the stub cells of `stubs/`, without torch.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cvbench as cvbench_package

HERE = Path(__file__).parent
OWN = Path(cvbench_package.__file__).parents[1]
"""Where the cvbench under test is: its workers import no other."""

SUITE = """
schema: 1
name: toys
data: {{name: "toys:Shades"}}
train: {{epochs: 1, batch: 8, lr: 0.1}}
models: [{models}]
metrics: [topk]
time: {{latency: {{warmup: 10ms, duration: 100ms, iterations: 10}}, throughput: null}}
{more}
"""


def toy(name: str, **options: object) -> str:
    """An entry of `models` for a toy."""
    listed = ", ".join(f"{key}: {value}" for key, value in options.items())
    return f'{{name: "toys:{name}", task: classification, options: {{{listed}}}}}'


def environment(*, stubs: bool = False) -> dict[str, str]:
    """Where the worker finds the toys; compiled modules may be kept, or each worker compiles torch anew."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    path = os.pathsep.join(map(str, [*([HERE / "stubs"] if stubs else []), HERE, OWN]))
    return {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def start(*arguments: object, stubs: bool = False, **settings: object) -> subprocess.Popen[str]:
    """Start `cvbench` with the toys on its path, able to hear Ctrl-C even where these tests are not."""
    settings.setdefault("preexec_fn", lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    return subprocess.Popen(
        [sys.executable, "-m", "cvbench", *map(str, arguments)],
        env=environment(stubs=stubs),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def cvbench(*arguments: object, stubs: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `cvbench` to its end."""
    process = start(*arguments, stubs=stubs)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
