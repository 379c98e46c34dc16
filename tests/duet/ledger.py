"""Duets whose truth is known: `python -m tests.duet.ledger [--jobs N] [--slower SHARE] [--out FOLDER]`.

Without `--slower` both arms are one program, and every verdict but `same` and `inconclusive` is false.
With it the head spins for that share of its own time. The ledger is kept after each job, and goes on where
it stopped; jobs of other shares stand beside one another in it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cvbench import environment
from cvbench.checking.baselines import machine_class
from cvbench.duet.arms import arms
from cvbench.duet.session import perform
from cvbench.files import write_whole

HEAD = (
    *("planted", "jobs", "worse", "better", "same", "inconclusive", "median ratio (10 % … 90 %)"),
    *("least that would be seen", "seconds a job"),
)
SUITE = """
schema: 1
name: ledger
data: fashion
train: {epochs: 1}
models:
  - {name: "tests.duet.slowed:slowed", task: classification, options: {extra: 0.0}}
time: {latency: {batch: 1}, throughput: null}
"""


def one_job(slower: float, seed: int) -> dict:
    """A whole duet, without a null control: in an A/A job the duet is its own."""
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        suite = Path(folder) / "ledger.yaml"
        suite.write_text(SUITE, encoding="utf-8")
        option = "models.0.options.extra"
        with arms(suite, [], base=f"{option}=0.0", head=f"{option}={slower}") as pair:
            (outcome,) = perform(*pair, with_null=False, seed=seed).outcomes
    load = environment.probe().volatile["load_1min"]
    kept = ("verdict", "stage", "rounds", "ratio", "detectable", "spread", "reason")
    told = {name: getattr(outcome, name) for name in kept}
    return {"slower": slower, "seed": seed, **told, "wall_s": time.monotonic() - began, "load": load}


def markdown(ledger: dict) -> str:
    """The table for people."""
    lines = [
        "# Duets whose truth is known",
        "",
        "Written by `python -m tests.duet.ledger`. Planted: the share of its own time for which the head",
        "spins after each pass; 0 is a program against itself. Ratios and seconds are medians.",
        f"Machine: {ledger['machine']}, which had other work to do: see `load` in the JSON file.",
        "",
        f"| {' | '.join(HEAD)} |",
        f"|{'---|' * len(HEAD)}",
    ]
    for slower in sorted({job["slower"] for job in ledger["jobs"]}):
        jobs = [job for job in ledger["jobs"] if job["slower"] == slower]
        words = [job["verdict"] for job in jobs]
        counts = " | ".join(str(words.count(w)) for w in ("worse", "better", "same", "inconclusive"))
        low, middle, high = np.quantile([job["ratio"] for job in jobs], [0.1, 0.5, 0.9])
        least = np.median([job["detectable"] for job in jobs]) - 1
        wall = np.median([job["wall_s"] for job in jobs])
        lines.append(
            f"| {slower:.0%} | {len(jobs)} | {counts} | {middle:.4f} ({low:.4f} … {high:.4f}) | {least:.1%} "
            f"| {wall:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Carry out jobs, and keep both files after each."""
    parser = argparse.ArgumentParser(description="Duets whose truth is known.")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--slower", type=float, default=0.0)
    parser.add_argument("--out", type=Path, default=Path("results/reference"))
    asked = parser.parse_args()
    machine = machine_class(environment.probe().hard)
    path = asked.out / f"duet-{machine}.json"
    empty = {"schema": 1, "machine": machine, "jobs": []}
    for _ in range(asked.jobs):
        ledger = json.loads(path.read_text(encoding="utf-8")) if path.exists() else empty
        ledger["jobs"].append(one_job(asked.slower, seed=len(ledger["jobs"])))
        write_whole(path, (json.dumps(ledger, indent=1) + "\n").encode())
        write_whole(path.with_suffix(".md"), markdown(ledger).encode())


if __name__ == "__main__":
    main()
