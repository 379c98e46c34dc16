"""Duets on simulated machines: `python -m tests.benchmarks.statistics.duets [--jobs N]`.

The noise of the machines is assumed; `tests.benchmarks.ab.ledger` measures real machines. This simulates the
decision of a duet.
"""

import argparse
import json
import math
from pathlib import Path

import numpy as np

from cvbench.files import write_whole
from cvbench.runner.ab.verdicts import CONFIRMING
from cvbench.statistics.ab_test import (
    confirm,
    is_flagged,
    plan_confirming,
    screen_verdict,
)
from cvbench.statistics.mean_effects import of_pairs
from tests.benchmarks.statistics import noise

MACHINES = {
    "quiet GPU": noise.QUIET,
    "own CPU": noise.OWN,
    "one process in seven 4 % slower": noise.ROULETTE,
    "shared runner": noise.HOSTED,
    "bad shared runner": noise.NASTY,
    "noise that lasts": noise.STICKY,
}
PLANTED = (0.0, 0.03, 0.05, 0.10, 0.20)


def verdict(draw, machine, slower):
    """One job on one benchmark: the verdict and the number of rounds."""
    screened = noise.rounds(draw, machine, 5, slower=slower)
    if not is_flagged(screened):
        return screen_verdict(of_pairs(np.array(screened))), 5
    fresh = []

    def more(_, count):
        fresh.extend(noise.rounds(draw, machine, count, blocks_each=CONFIRMING, slower=slower))
        return [fresh]

    (said,) = confirm(more, 1, plan_confirming([screened], [screened]))
    return said.verdict, 5 + len(fresh)


def simulate(jobs):
    """One row per machine and planted slowdown."""
    rows = []
    for place, (name, machine) in enumerate(MACHINES.items()):
        for slower in PLANTED:
            draw = np.random.default_rng([place, round(1000 * slower)])
            number = jobs if slower == 0 else jobs // 4
            told = [verdict(draw, machine, math.log1p(slower)) for _ in range(number)]
            words = [word for word, _ in told]
            counts = {word: words.count(word) for word in ("worse", "better", "same", "inconclusive")}
            rounds = float(np.mean([n for _, n in told]))
            rows.append({"machine": name, "planted": slower, "jobs": number, **counts, "rounds": rounds})
    return rows


def markdown(rows):
    """The table in Markdown."""
    lines = [
        "# Duets on simulated machines",
        "",
        "Written by `python -m tests.benchmarks.statistics.duets`. The machines' noise is assumed, see",
        "`tests/benchmarks/statistics/noise.py`. Planted: how much slower the head is.",
        "One benchmark per job, without a null control.",
        "",
        "| machine | planted | jobs | worse | better | same | inconclusive | mean rounds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        shares = " | ".join(
            f"{row[word] / row['jobs']:.2%}" for word in ("worse", "better", "same", "inconclusive")
        )
        lines.append(
            f"| {row['machine']} | {row['planted']:.0%} | {row['jobs']} | {shares} | {row['rounds']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main():
    """Simulate and write both files."""
    parser = argparse.ArgumentParser(description="Duets on simulated machines.")
    parser.add_argument("--jobs", type=int, default=4000)
    parser.add_argument("--out", type=Path, default=Path("results/reference"))
    asked = parser.parse_args()
    rows = simulate(asked.jobs)
    asked.out.mkdir(parents=True, exist_ok=True)
    kept = json.dumps({"schema": 1, "rows": rows}, indent=1) + "\n"
    write_whole(asked.out / "duets-simulated.json", kept.encode())
    write_whole(asked.out / "duets-simulated.md", markdown(rows).encode())


if __name__ == "__main__":
    main()
