"""Two sides timed side by side by real processes on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from cvbench.errors import InputError
from cvbench.runner import environment
from cvbench.runner.ab.interleave import SLICE_S, Benchmark, BenchmarkTimes, benchmarks, interleave
from cvbench.runner.ab.sides import ABSide
from cvbench.runner.ab.verdicts import CONFIRMING, SCREENING, Verdicts, reach_verdicts, seeded
from cvbench.runner.ab.worker_process import side_worker
from cvbench.runner.process import thread_settings
from cvbench.statistics.ab_test import MOST_ROUNDS
from cvbench.units import show_seconds

PAIR_S = 3.5
"""About how long a pair of processes takes to import torch."""
BESIDES = 1.6
"""Wall time over timed work (docs/decisions/0009)."""
TIMEOUT_S = 600.0
"""How long a worker may take over one answer."""


def run_ab(
    base: ABSide,
    head: ABSide,
    *,
    only: str | None = None,
    rounds: int = 5,
    most_rounds: int = MOST_ROUNDS,
    with_null: bool = True,
    seed: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Verdicts:
    """The verdicts on all benchmarks of both sides; raises InputError where no cell is timed."""
    wanted = [b for b in benchmarks(base.cells, head.cells) if only is None or b.base.matches(only)]
    if not wanted:
        raise InputError(
            "no cell to time: the suite has no time:"
            + (f", or --only {only} matches no cell." if only else ".")
        )
    tell(
        f"expected time: {expected(len(wanted), rounds=rounds, most_rounds=most_rounds, with_null=with_null)}"
    )
    draw = seeded(seed)
    threads = thread_settings(wanted[0].base.runtime.threads or environment.threads_available())

    def time_benchmarks(
        chosen: Sequence[Benchmark], /, *, rounds: int, blocks: int, null: bool = False
    ) -> list[BenchmarkTimes]:
        sides = {"A": base, "B": base if null else head}
        if null:
            chosen = [replace(b, head=b.base, head_weights=b.base_weights) for b in chosen]
        return interleave(
            chosen,
            lambda side: side_worker(sides[side], threads=threads, timeout_s=TIMEOUT_S),
            rounds=rounds,
            blocks=blocks,
            draw=draw,
            on_round=partial(_tell_round, tell, rounds, time.monotonic()),
        )

    return reach_verdicts(
        wanted,
        time_benchmarks,
        screening_rounds=rounds,
        most_rounds=most_rounds,
        with_null=with_null,
        tell=tell,
    )


def expected(benchmarks: int, *, rounds: int, most_rounds: int, with_null: bool) -> str:
    """Expected time for small networks: the first stage, and the later ones if something differs."""
    first = rounds * (PAIR_S + benchmarks * round_s(SCREENING))
    second = most_rounds * (PAIR_S + benchmarks * round_s(CONFIRMING))
    control = rounds * (PAIR_S + round_s(SCREENING)) if with_null else 0.0
    control += most_rounds * (PAIR_S + round_s(CONFIRMING)) if with_null else 0.0
    return (
        f"about {show_seconds(first)} where nothing differs; where something differs, up to "
        f"{show_seconds(second + control)} more, until the result is statistically significant"
    )


def round_s(blocks: int) -> float:
    """About how long one round of one benchmark takes: building, warming up, four slices per block."""
    return 1.5 + blocks * 4 * SLICE_S * BESIDES


def _tell_round(tell: Callable[[str], None], of: int, began: float, number: int) -> None:
    left = of - number
    eta = f", ETA {show_seconds((time.monotonic() - began) / number * left)}" if left else ""
    tell(f"  round {number} of {of}{eta}")
