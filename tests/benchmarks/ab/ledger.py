"""Duets with a known truth: `python -m tests.benchmarks.ab.ledger [--minutes M] [--quiet] [--out FOLDER]`.

The plan has 100 jobs that compare a program with itself, where every verdict except `same` and `inconclusive`
is wrong, and 20 jobs for each planted slowdown, where the head spins for a share of its own time after each
pass. Jobs run in parallel, one per core. Each result is stored when its job ends, and the next call resumes.
`--quiet` records that nothing else was running.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cvbench.compare.gate.baselines import machine_class
from cvbench.files import write_whole
from cvbench.runner import environment
from cvbench.runner.ab.session import run_ab
from cvbench.runner.ab.sides import open_sides
from cvbench.statistics.ab_test import MOST_ROUNDS, confirm, is_flagged, plan_confirming

PLAN = {0.0: 100, 0.03: 20, 0.05: 20, 0.10: 20, 0.20: 20}
"""Planted slowdown (fraction) → number of jobs."""
HEAD = (
    *("planted", "jobs", "worse", "better", "same", "inconclusive", "worse, promised"),
    *("median ratio (10 % … 90 %)", "minimum detectable effect", "seconds per job"),
)
SUITE = """
schema: 1
name: ledger
data: "tests.runner.toys:Shades"
train: {epochs: 1}
models:
  - {name: "tests.benchmarks.ab.slowed:slowed", task: classification, options: {extra: 0.0}}
time: {latency: {batch: 1}, throughput: null}
"""


def one_job(slower: float, seed: int) -> dict:
    """Run one duet, without a null control, which A/A jobs do not need."""
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        suite = Path(folder) / "ledger.yaml"
        suite.write_text(SUITE, encoding="utf-8")
        option = "models.0.options.extra"
        with open_sides(suite, [], base=f"{option}=0.0", head=f"{option}={slower}") as pair:
            said = run_ab(*pair, with_null=False, seed=seed)
    (outcome,) = said.outcomes
    kept = ("verdict", "stage", "rounds", "ratio", "detectable", "spread", "reason")
    told = {name: getattr(outcome, name) for name in kept}
    values = {f"stage_{stage}": [round(v, 6) for v in one.rounds] for _, stage, one in said.timed}
    load = environment.probe().volatile["load_1min"]
    return {
        "slower": slower,
        "seed": seed,
        **told,
        "values": values,
        "wall_s": round(time.monotonic() - began, 1),
        "load": load,
    }


class Drawn:
    """Precomputed random rounds of one benchmark."""

    def __init__(self, values: list[float]) -> None:
        self.values, self.count = values, 0

    def __call__(self, _: object, count: int) -> list[list[float]]:
        self.count += count
        return [self.values[: self.count]]


def promised(jobs: list[dict], slower: float, *, times: int = 1000) -> float:
    """Probability of the verdict `worse` for normally distributed rounds with the spread of these jobs."""
    draw = np.random.default_rng(0)
    spread = [
        math.sqrt(np.mean([np.var(job["values"][stage], ddof=1) for job in jobs if stage in job["values"]]))
        for stage in ("stage_1", "stage_2")
        if any(stage in job["values"] for job in jobs)
    ]
    worse = 0
    for _ in range(times):
        screened = draw.normal(math.log1p(slower), spread[0], 5).tolist()
        if is_flagged(screened):
            fresh = draw.normal(math.log1p(slower), spread[-1], MOST_ROUNDS).tolist()
            (said,) = confirm(Drawn(fresh), 1, plan_confirming([screened], [screened]))
            worse += said.verdict == "worse"
    return worse / times


def markdown(ledger: dict) -> str:
    """The table in Markdown."""
    lines = [
        "# Duets with a known truth",
        "",
        "Written by `python -m tests.benchmarks.ab.ledger`. Planted: the share of its own time for which the",
        "head spins after each pass; 0 compares a program with itself. Two jobs ran at a time, each on its",
        "own core, with the protocol of `cvbench duet`. Promised: the probability for normally distributed",
        "rounds with the spread of these jobs. Ratios and seconds are medians.",
        f"Machine: {ledger['machine']}.",
    ]
    for quiet, title in ((True, "Nothing else running"), (False, "Other processes running")):
        jobs = [job for job in ledger["jobs"] if job["quiet"] is quiet]
        if jobs:
            lines += ["", f"## {title}", "", f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
            shares = sorted({job["slower"] for job in jobs})
            lines += [_row(share, [job for job in jobs if job["slower"] == share]) for share in shares]
    return "\n".join(lines) + "\n"


def _row(slower: float, jobs: list[dict]) -> str:
    words = [job["verdict"] for job in jobs]
    counts = " | ".join(str(words.count(w)) for w in ("worse", "better", "same", "inconclusive"))
    low, middle, high = np.quantile([job["ratio"] for job in jobs], [0.1, 0.5, 0.9])
    least = np.median([job["detectable"] for job in jobs]) - 1
    wall = np.median([job["wall_s"] for job in jobs])
    return (
        f"| {slower:.0%} | {len(jobs)} | {counts} | {promised(jobs, slower):.0%} "
        f"| {middle:.4f} ({low:.4f} … {high:.4f}) | {least:.1%} | {wall:.0f} |"
    )


class Ledger:
    """The results file, and the assignment of jobs to processes."""

    def __init__(self, path: Path, machine: str, *, quiet: bool) -> None:
        self._path, self._quiet, self._lock = path, quiet, threading.Lock()
        empty = {"schema": 2, "machine": machine, "jobs": []}
        self._content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else empty
        known = self._content["jobs"]
        self._taken = Counter(job["slower"] for job in known)
        self._seed = 1 + max((job["seed"] for job in known), default=-1)

    def take(self) -> tuple[float, int] | None:
        """The next job, of the slowdown that is furthest behind its plan; None when all are done."""
        with self._lock:
            behind = {share: self._taken[share] / wanted for share, wanted in PLAN.items()}
            slower = min(behind, key=lambda share: behind[share])
            if behind[slower] >= 1:
                return None
            self._taken[slower] += 1
            self._seed += 1
            return slower, self._seed - 1

    def keep(self, job: dict) -> None:
        """Append a job and write the file."""
        with self._lock:
            self._content["jobs"].append({**job, "quiet": self._quiet})
            write_whole(self._path, (json.dumps(self._content, indent=1) + "\n").encode())

    def tell(self) -> None:
        """Write the table, only at the end because the promised values take seconds to compute."""
        if self._content["jobs"]:
            write_whole(self._path.with_suffix(".md"), markdown(self._content).encode())


def _lane(core: int, ledger: Ledger, until: float) -> None:
    """Run jobs in sequence on one core, while the next one is likely to end in time."""
    os.sched_setaffinity(0, {core})  # this thread and the processes it starts
    longest = 0.0
    while time.monotonic() + longest < until and (job := ledger.take()) is not None:
        done = one_job(*job)
        longest = max(longest, done["wall_s"])
        ledger.keep(done)


def main() -> None:
    """Run jobs until the time is over, store each, and write the table."""
    parser = argparse.ArgumentParser(description="Duets with a known truth.")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--quiet", action="store_true", help="nothing else runs meanwhile")
    parser.add_argument("--out", type=Path, default=Path("results/reference"))
    asked = parser.parse_args()
    machine = machine_class(environment.probe().hard)
    ledger = Ledger(asked.out / f"duet-{machine}.json", machine, quiet=asked.quiet)
    until = time.monotonic() + 60 * asked.minutes
    lanes = [
        threading.Thread(target=_lane, args=(core, ledger, until)) for core in sorted(os.sched_getaffinity(0))
    ]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    ledger.tell()


if __name__ == "__main__":
    main()
