"""Coverage of confidence intervals: `python -m tests.benchmarks.statistics.coverage [--out FOLDER]`.

Fifty synthetic detectors and fifty segmenters, with twenty test sets of 100 to 400 images each.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cvbench.files import write_whole
from cvbench.statistics.bootstrap import interval_around
from tests.benchmarks.statistics.detectors import (
    POPULATION,
    Outcome,
    coco_outcomes,
    detector,
    miou_outcomes,
    voc_outcomes,
)

COCO = ("AP", "AP50", "AP75", "APs", "AR100")
SIZES = (100, 200, 400)


class Covered(NamedTuple):
    """Coverage of one metric's intervals."""

    sets: int
    share: float
    """Share of the test sets whose interval contains the truth."""
    truth_below: float
    """Share of the test sets whose interval is above the truth."""
    by_size: dict[str, float]
    width: float
    """Mean width of an interval."""


def simulate(
    detectors: int, *, sets: int = 20, resamples: int = 400, seed: int = 7
) -> dict[str, list[Outcome]]:
    """Metric → its test sets."""
    outcomes = defaultdict(list)
    for number in range(detectors):
        draw = np.random.default_rng([seed, number])
        population = detector(draw)
        order, ends = draw.permutation(POPULATION), np.cumsum(draw.choice(SIZES, sets))
        images = [np.sort(part) for part in np.split(order, ends)[:-1]]
        for figures in coco_outcomes(population, images, resamples, COCO):
            for name, outcome in figures.items():
                outcomes[name].append(outcome)
        outcomes["mAP (VOC 2012)"] += voc_outcomes(population, images, resamples)
        outcomes["mIoU"] += miou_outcomes(draw, images, resamples)
    return outcomes


def covered(outcomes: list[Outcome], *, reads_the_best: bool) -> Covered:
    """The coverage of a metric's intervals."""
    ends = np.array([interval_around(o.value, o.resampled, reads_the_best=reads_the_best) for o in outcomes])
    truth, sizes = np.array([o.truth for o in outcomes]), np.array([o.images for o in outcomes])
    held = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    return Covered(
        sets=len(outcomes),
        share=float(held.mean()),
        truth_below=float((truth < ends[:, 0]).mean()),
        by_size={str(size): float(held[sizes == size].mean()) for size in SIZES if (sizes == size).any()},
        width=float((ends[:, 1] - ends[:, 0]).mean()),
    )


def table(detectors: int) -> dict[str, Covered]:
    """Metric → its coverage; all metrics except mean IoU use `reads_the_best`, as in the metrics' code."""
    return {
        name: covered(outcomes, reads_the_best=name != "mIoU")
        for name, outcomes in simulate(detectors).items()
    }


def markdown(figures: dict[str, Covered]) -> str:
    """The table in Markdown."""
    sizes = " | ".join(f"{n} images" for n in SIZES)
    lines = [
        "# Coverage of 95 % intervals",
        "",
        "Written by `python -m tests.benchmarks.statistics.coverage`: synthetic detectors and segmenters",
        f"with true metrics from {POPULATION:,} images each, and 20 test sets of 100, 200 or 400 images",
        "each. Each interval comes from 400 resamples. With 1,000 sets the standard error of a share is",
        "0.007.",
        "",
        f"| metric | sets | coverage | truth below interval | {sizes} | mean width |",
        f"|---|---|---|---|{'---|' * len(SIZES)}---|",
    ]
    for name, c in figures.items():
        sizes = " | ".join(f"{c.by_size[str(n)]:.3f}" for n in SIZES)
        lines.append(f"| {name} | {c.sets} | {c.share:.3f} | {c.truth_below:.3f} | {sizes} | {c.width:.4f} |")
    extremes = []
    for n in (str(SIZES[0]), str(SIZES[-1])):
        worst, best = (end(figures, key=lambda name: figures[name].by_size[n]) for end in (min, max))
        shares = " to ".join(f"{figures[name].by_size[n]:.1%} ({name})" for name in (worst, best))
        extremes.append(f"{shares} with {n} images")
    lines += [
        "",
        "An interval from few images is too narrow, because resamples contain only objects of the test set.",
        f"Lowest and highest coverage: {'; '.join(extremes)}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Simulate and write both files."""
    parser = argparse.ArgumentParser(description="Simulates the coverage of confidence intervals.")
    parser.add_argument("--detectors", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("results/reference"))
    asked = parser.parse_args()
    figures = table(asked.detectors)
    asked.out.mkdir(parents=True, exist_ok=True)
    kept = {"schema": 1, "figures": {name: c._asdict() for name, c in figures.items()}}
    write_whole(asked.out / "coverage.json", (json.dumps(kept, indent=1) + "\n").encode())
    write_whole(asked.out / "coverage.md", markdown(figures).encode())


if __name__ == "__main__":
    main()
