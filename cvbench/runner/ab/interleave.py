"""Rounds of a duet: fresh pairs of processes whose slices alternate, in balanced order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace

from cvbench.errors import CellError
from cvbench.runner.ab.worker_process import Partner
from cvbench.spec.cell import Cell
from cvbench.statistics.ab_test import Slice, block_value, round_value

SLICE_S = 0.01
FEWER = 20
"""A slow net has blocks as long as a fast one's together, but no fewer than that part of them."""
LEAST, LONG_S = 3, 0.2
"""Iterations of a slice, unless one alone takes so long."""
ORDERS = ("ABBA", "BAAB")


@dataclass(frozen=True)
class Benchmark:
    """One thing that both arms are timed at."""

    name: str
    base: Cell
    head: Cell
    batch: int


@dataclass
class Played:
    """What a benchmark came to, round by round."""

    benchmark: Benchmark
    rounds: list[float] = field(default_factory=list)
    """One value a round: the logarithm of head's time over base's."""
    slices: list[list[list[tuple[str, float, int, int]]]] = field(default_factory=list)
    """Round → block → (arm, seconds, start, end)."""
    once_s: float = 0.0
    failed: tuple[str, str] | None = None
    """The arm that failed, and why."""


def benchmarks(base: Sequence[Cell], head: Sequence[Cell]) -> list[Benchmark]:
    """Every batch size at which each cell is timed, by names that are all different."""
    found = list[Benchmark]()
    for mine, other in zip(base, head, strict=True):
        plan = mine.time
        if plan is None:
            continue
        batches = [plan.latency.batch] if plan.latency else []
        batches += plan.throughput.batch if plan.throughput else ()
        found += [
            Benchmark(f"{mine.title} (batch={batch})", mine, other, batch) for batch in dict.fromkeys(batches)
        ]
    names = [benchmark.name for benchmark in found]
    return [replace(b, name=f"{b.name} {b.base.key[:6]}") if names.count(b.name) > 1 else b for b in found]


Starter = Callable[[str], AbstractContextManager[Partner]]
"""Starts a fresh process of arm `A` or `B`."""


def play(
    wanted: Sequence[Benchmark],
    start: Starter,
    *,
    rounds: int,
    blocks: int,
    draw: random.Random,
    warmup_s: float = 0.5,
    slice_s: float = SLICE_S,
    on_round: Callable[[int], None] = lambda _: None,
) -> list[Played]:
    """All benchmarks in so many rounds, each of so many blocks; of fewer where an iteration is long.

    Which arm starts, and with which order of turns a round begins, alternates from round to round and is
    drawn for the first. An arm that fails at a benchmark ends that benchmark; the others go on.
    """
    played = [Played(benchmark) for benchmark in wanted]
    first = draw.randrange(2)
    for number in range(rounds):
        order = "AB" if (number + first) % 2 == 0 else "BA"
        with ExitStack() as stack:
            pair = {arm: stack.enter_context(start(arm)) for arm in order}
            for one in draw.sample(played, len(played)):
                if one.failed is None:
                    how = {"batch": one.benchmark.batch, "warmup_s": warmup_s}
                    _round(one, pair, order, blocks=blocks, slice_s=slice_s, turn=number + first, how=how)
        on_round(number + 1)
    return played


def _round(
    one: Played,
    pair: dict[str, Partner],
    order: str,
    *,
    blocks: int,
    slice_s: float,
    turn: int,
    how: dict[str, float],
) -> None:
    arm = order[0]
    try:
        for arm in order:  # each has imported what it needs when it answers, and is idle from then on
            pair[arm].ask({"do": "free"})
        taken = []
        for arm in order:
            cell = one.benchmark.base if arm == "A" else one.benchmark.head
            plain = cell.model_copy(update={"train": None})
            ready = pair[arm].ask({"do": "prepare", "cell": plain.model_dump(mode="json"), "how": how})
            taken.append(float(ready["once_s"]))
        one.once_s = sum(taken) / len(taken)
        # the same for both, or what the first iterations of a turn cost would weigh more in one
        iterations = 1 if one.once_s > LONG_S else max(LEAST, round(slice_s / one.once_s))
        wanted = round(blocks * slice_s / (iterations * one.once_s))
        made = []
        for number in range(max(1, blocks // FEWER, min(blocks, wanted))):
            block = []
            for arm in ORDERS[(turn + number) % 2]:
                told = pair[arm].ask({"do": "slice", "iterations": iterations})
                block.append((arm, float(told["seconds"]), int(told["start"]), int(told["end"])))
            made.append(block)
    except CellError as error:
        one.failed = arm, str(error)
        return
    one.slices.append(made)
    one.rounds.append(
        round_value([block_value([Slice(arm, seconds) for arm, seconds, *_ in block]) for block in made])
    )
