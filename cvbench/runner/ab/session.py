"""A duet of real processes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from cvbench.errors import InputError
from cvbench.runner import environment
from cvbench.runner.ab.interleave import Benchmark, Played, benchmarks, play
from cvbench.runner.ab.sides import Arm
from cvbench.runner.ab.verdicts import Verdicts, judge_duet, seeded
from cvbench.runner.ab.worker_process import partner
from cvbench.runner.process import thread_settings

TIMEOUT_S = 600.0
"""How long a worker may take over one answer."""


def perform(
    base: Arm,
    head: Arm,
    *,
    only: str | None = None,
    rounds: int = 5,
    with_null: bool = True,
    seed: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Verdicts:
    """The verdicts on all benchmarks of both arms; raises InputError where there is none."""
    wanted = [b for b in benchmarks(base.cells, head.cells) if only is None or b.base.matches(only)]
    if not wanted:
        raise InputError(
            "there is nothing to time: the suite times nothing"
            + (f", or --only {only} names no cell." if only else ".")
        )
    draw = seeded(seed)
    threads = thread_settings(wanted[0].base.runtime.threads or environment.threads_available())

    def player(
        chosen: Sequence[Benchmark], /, *, rounds: int, blocks: int, null: bool = False
    ) -> list[Played]:
        sides = {"A": base, "B": base if null else head}
        if null:
            chosen = [Benchmark(b.name, b.base, b.base, b.batch) for b in chosen]
        return play(
            chosen,
            lambda arm: partner(sides[arm], threads=threads, timeout_s=TIMEOUT_S),
            rounds=rounds,
            blocks=blocks,
            draw=draw,
            on_round=partial(_tell_round, tell, rounds),
        )

    return judge_duet(wanted, player, screening_rounds=rounds, with_null=with_null, tell=tell)


def _tell_round(tell: Callable[[str], None], of: int, number: int) -> None:
    tell(f"  round {number} of {of}")
