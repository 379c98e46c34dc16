"""Two sides timed side by side by real processes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from cvbench.errors import InputError
from cvbench.runner import environment
from cvbench.runner.ab.interleave import Benchmark, BenchmarkTimes, benchmarks, interleave
from cvbench.runner.ab.sides import ABSide
from cvbench.runner.ab.verdicts import Verdicts, reach_verdicts, seeded
from cvbench.runner.ab.worker_process import side_worker
from cvbench.runner.process import thread_settings

TIMEOUT_S = 600.0
"""How long a worker may take over one answer."""


def run_ab(
    base: ABSide,
    head: ABSide,
    *,
    only: str | None = None,
    rounds: int = 5,
    with_null: bool = True,
    seed: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Verdicts:
    """The verdicts on all benchmarks of both sides; raises InputError where there is none."""
    wanted = [b for b in benchmarks(base.cells, head.cells) if only is None or b.base.matches(only)]
    if not wanted:
        raise InputError(
            "there is nothing to time: the suite times nothing"
            + (f", or --only {only} names no cell." if only else ".")
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
            on_round=partial(_tell_round, tell, rounds),
        )

    return reach_verdicts(wanted, time_benchmarks, screening_rounds=rounds, with_null=with_null, tell=tell)


def _tell_round(tell: Callable[[str], None], of: int, number: int) -> None:
    tell(f"  round {number} of {of}")
