"""Injects 300 faults and writes what came of them: `python -m tests.faults.table`, or `nox -s faults`.

`--count 30` injects fewer, `--seed 7` others; `--output FILE.md` writes elsewhere, `--jobs 1` one at a time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from cvbench.compare.gate.baselines import machine_class
from cvbench.runner import environment
from tests.faults.harness import KINDS, Injection, can_mount, injected

REFERENCE = Path(__file__).parents[2] / "results" / "reference"


def main() -> None:
    """Inject, write the table, and exit with 1 where anything was lost, torn or shown as a traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    kinds = [kind for kind in KINDS if kind != "tmpfs" or can_mount()]
    jobs = [(kinds[number % len(kinds)], given.seed + number) for number in range(given.count)]
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        found = []
        for one in pool.map(_one, jobs):
            found.append(one)
            for fault in one.faults:
                print(f"{one.kind} {one.seed}: {one.what}: {fault}", flush=True)
    text = table(found)
    print(text)
    name = machine_class(dict(environment.probe().hard))
    output = given.output or REFERENCE / f"faults-{name}.md"
    output.write_text(text, encoding="utf-8")
    sys.exit(any(one.faults for one in found))


def table(found: Sequence[Injection]) -> str:
    """The injections by kind, as Markdown."""
    rows = [
        "| injected | n | exit codes | records lost | records torn | tracebacks | s each |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in (*dict.fromkeys(one.kind for one in found), "all"):
        some = [one for one in found if kind in (one.kind, "all")]
        codes = ", ".join(map(str, sorted({one.codes[0] for one in some})))
        lost, torn, traces = (
            sum(getattr(one, name) for one in some) for name in ("lost", "torn", "tracebacks")
        )
        middle = statistics.median(one.seconds for one in some)
        rows.append(f"| {kind} | {len(some)} | {codes} | {lost} | {torn} | {traces} | {middle:.1f} |")
    return (
        "# Faults injected into runs\n\n"
        "Suites of two stub cells, with and without rounds of timing. Each run is hurt once, then the same\n"
        "command runs again without a fault and must end with every record whole. Exit code -9: the command\n"
        "itself was killed. Exit code 0: the fault did no harm, or never struck, since the run had ended\n"
        "before the kill, made fewer calls, or fitted on the disk.\n\n" + "\n".join(rows) + "\n"
    )


def _one(job: tuple[str, int]) -> Injection:
    with tempfile.TemporaryDirectory(prefix="cvbench-faults-") as folder:
        return injected(*job, Path(folder))


if __name__ == "__main__":
    main()
