"""The noise of a machine, from repeated jobs of the same program."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from cvbench.compare.gate.baselines import Job, machine_class
from cvbench.errors import StoreError
from cvbench.files import read_regular
from cvbench.record import Scalar
from cvbench.spec.canonical import Frozen, digest
from cvbench.statistics.history import HistoryForecast
from cvbench.statistics.mean_effects import Effect, relative
from cvbench.statistics.verdicts import ALPHA, SPEED

ROUNDS = (5, 10, 20)
HISTORY = 20
"""Jobs of a history, for the table of detectable slowdowns."""


class FigureNoise(Frozen):
    """Standard deviations of logarithms."""

    between_rounds: float
    """Between processes within a job."""
    between_jobs: float
    """Between jobs, after subtracting the variance of rounds."""
    rounds: int


class Noise(Frozen):
    """The noise of a machine, by metric."""

    kind: str = "noise"
    machine: str
    hard: str
    """Hash of the machine and its software, for which the noise holds."""
    jobs: int
    seconds_a_round: float
    figures: Mapping[str, FigureNoise]

    @property
    def between_jobs(self) -> float:
        """The median over the metrics."""
        return float(np.median([figure.between_jobs for figure in self.figures.values()]))


def noise_of(jobs: Sequence[Job], hard: Mapping[str, Scalar], *, seconds_a_round: float) -> Noise:
    """The noise from equal jobs on one machine; raises StoreError without two jobs with rounds."""
    figures = {}
    for name in dict.fromkeys(name for job in jobs for name in job.figures):
        logs = [np.log(job.figures[name]) for job in jobs if len(job.figures.get(name, ())) > 1]
        if len(logs) > 1:
            figures[name] = _noise(logs)
    if not figures:
        raise StoreError(
            "no metric was timed in several rounds by at least two jobs, so noise cannot be estimated.\n"
            "  Set rounds in the suite: time: {rounds: 5}"
        )
    return Noise(
        machine=machine_class(hard),
        hard=digest(dict(hard)),
        jobs=len(jobs),
        seconds_a_round=seconds_a_round,
        figures=figures,
    )


def _noise(logs: Sequence[np.ndarray]) -> FigureNoise:
    """Components of variance, by the method of moments (one-way random effects)."""
    rounds = min(len(of_job) for of_job in logs)
    within = float(np.mean([of_job.var(ddof=1) for of_job in logs]))
    means = np.array([of_job.mean() for of_job in logs])
    between = max(0.0, float(means.var(ddof=1)) - within / rounds)
    return FigureNoise(between_rounds=math.sqrt(within), between_jobs=math.sqrt(between), rounds=rounds)


def least_seen(noise: FigureNoise, rounds: int) -> dict[str, float]:
    """The smallest slowdown detected in 95 of 100 cases by a duet, two runs, and a history."""
    within, between = noise.between_rounds, noise.between_jobs
    duet = Effect(0.0, math.sqrt(2 / rounds) * within, rounds - 1.0)
    runs = Effect(0.0, math.sqrt(2 * within**2 / rounds + 2 * between**2), 2.0 * rounds - 2)
    job = math.sqrt(between**2 + within**2 / rounds)
    return {
        "duet": relative(duet.detectable(alpha=ALPHA, margin=SPEED.margin)),
        "two runs": relative(runs.detectable(alpha=ALPHA, margin=SPEED.margin)),
        f"{HISTORY} earlier jobs": relative(HistoryForecast(0.0, job, HISTORY).detectable(gate=SPEED.gate)),
    }


def table(noise: Noise, titles: Mapping[str, str]) -> list[dict[str, str]]:
    """One row per metric and number of rounds: detectable slowdowns and their cost."""
    rows = []
    for name, own in noise.figures.items():
        cell, _, figure = name.partition(" ")
        for rounds in ROUNDS:
            seen = {f"detected by {how}": f"{least:.1%}" for how, least in least_seen(own, rounds).items()}
            rows.append(
                {
                    "cell": titles.get(cell, cell),
                    "metric": figure,
                    "noise of rounds": f"{own.between_rounds:.1%}",
                    "noise of jobs": f"{own.between_jobs:.1%}",
                    "rounds": str(rounds),
                    "seconds per job": f"{rounds * noise.seconds_a_round:.0f}",
                    **seen,
                }
            )
    return rows


def noise_path(hard: Mapping[str, Scalar], root: Path) -> Path:
    """The file of a machine's noise."""
    return root / "noise" / f"{machine_class(hard)}.json"


def known_noise(hard: Mapping[str, Scalar], root: Path) -> float:
    """The noise between jobs of this machine and software; 0 if it was never measured.

    Raises StoreError for a file that cannot be read.
    """
    path = noise_path(hard, root)
    if not path.exists():
        return 0.0
    try:
        noise = Noise.model_validate_json(read_regular(path))
    except (OSError, ValidationError) as error:
        raise StoreError(
            f"{path}: not a valid noise file ({error}). Write it again: cvbench calibrate"
        ) from error
    return noise.between_jobs if noise.hard == digest(dict(hard)) else 0.0
