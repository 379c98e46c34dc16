"""`cvbench compare` of two large runs in a new process, from the files to the table.

Cells are like those in the results of a timed model: about twenty metrics and a series of 200 iterations in
five rounds.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cvbench.runner.environment import probe
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, TimingPlan
from tests.compare.runs import Made, figure, make_run

_FOLDER = tempfile.TemporaryDirectory(prefix="cvbench-speed-runs-")
CELLS, ROUNDS, ITERATIONS = 1000, 5, 40


@cache
def runs(cells: int = CELLS) -> tuple[Path, Path]:
    """Two runs of this number of cells that differ only by noise."""
    machine = dict(probe().hard)
    made = [Path(_FOLDER.name) / "large" / side for side in "ab"]
    for seed, folder in enumerate(made):
        draw = np.random.default_rng(seed)
        make_run(folder, *(_cell(number, draw, machine) for number in range(cells)))
    return made[0], made[1]


def _cell(number: int, draw: np.random.Generator, machine: dict[str, Any]) -> Made:
    model = ModelSpec(name="resnet18", options={"size": 32 + number})
    own = Made(
        Cell(model=model, data=DataSpec(name="fashion"), time=TimingPlan(rounds=ROUNDS)), machine=machine
    )
    centre = 0.01 * np.exp(draw.normal(0, 0.01, ROUNDS))
    own.rounds("latency", [at * np.exp(draw.normal(0, 0.02, ITERATIONS)) for at in centre])
    return own.add(
        *(
            figure(f"metric {k}", 0.5, unit="MACs", direction="neither", protocol="count", n=1000)
            for k in range(18)
        )
    )


def comparing() -> dict[str, Callable[[], int]]:
    """A call runs `cvbench compare` in a new process; its result is the number of compared cells."""
    a, b = runs()
    page = Path(_FOLDER.name) / "page.md"

    def call() -> int:
        command = ["compare", str(a), str(b), "-o", str(page), "--force"]
        kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{_FOLDER.name}/compiled"}
        subprocess.run(
            [sys.executable, "-m", "cvbench", *command], check=True, timeout=120, env={**os.environ, **kept}
        )
        return page.read_text(encoding="utf-8").count("latency_p50")

    return {"cvbench": call}
