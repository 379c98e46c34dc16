"""Rounds of slices: fresh pairs of processes take turns at short slices, in balanced order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace

from cvbench.errors import CellError
from cvbench.runner.ab.messages import Free, Freed, Prepare, Ready, SliceTimes, TimeSlice
from cvbench.runner.ab.worker_process import SideWorker
from cvbench.spec.catalogue.weights import WeightFile, weight_file
from cvbench.spec.cell import Cell
from cvbench.statistics.ab_test import Slice, block_value, round_value

SLICE_S = 0.01
FEWER = 20
"""The blocks of a slow model take as long as a fast one's: they are fewer, by this factor at most."""
LEAST, LONG_S = 3, 0.2
"""Least iterations of a slice; of calls longer than this many seconds, one is enough."""
ORDERS = ("ABBA", "BAAB")


@dataclass(frozen=True)
class Benchmark:
    """One thing that both sides are timed at."""

    name: str
    base: Cell
    head: Cell
    batch: int
    base_weights: WeightFile | None = None
    """What the model's `weights` were resolved to …"""
    head_weights: WeightFile | None = None
    """… on either side."""


@dataclass
class BenchmarkTimes:
    """The times of one benchmark, round by round."""

    benchmark: Benchmark
    rounds: list[float] = field(default_factory=list)
    """One value per round: the logarithm of head's time over base's."""
    slices: list[list[list[tuple[str, float, int, int]]]] = field(default_factory=list)
    """Round → block → (side, seconds, start, end)."""
    once_s: float = 0.0
    failed: tuple[str, str] | None = None
    """The side that failed, and why."""

    def append(self, part: BenchmarkTimes) -> None:
        """Take over what more rounds of the same benchmark gave."""
        self.rounds += part.rounds
        self.slices += part.slices
        self.once_s, self.failed = part.once_s, part.failed


def benchmarks(base: Sequence[Cell], head: Sequence[Cell]) -> list[Benchmark]:
    """Every batch size at which each cell is timed, under different names; weights are resolved here."""
    found = list[Benchmark]()
    for mine, other in zip(base, head, strict=True):
        plan = mine.time
        if plan is None:
            continue
        resolved = weight_file(mine.model), weight_file(other.model)
        batches = [plan.latency.batch] if plan.latency else []
        batches += plan.throughput.batch if plan.throughput else ()
        resolved = _absolute(resolved[0]), _absolute(resolved[1])
        found += [
            Benchmark(f"{mine.title} (batch={batch})", mine, other, batch, *resolved)
            for batch in dict.fromkeys(batches)
        ]
    names = [benchmark.name for benchmark in found]
    return [replace(b, name=f"{b.name} {b.base.key[:6]}") if names.count(b.name) > 1 else b for b in found]


def _absolute(weights: WeightFile | None) -> WeightFile | None:
    """Weights by a path that holds in a worktree too, where a worker of a commit runs."""
    if weights is None:
        return None
    return replace(weights, places=tuple(place.absolute() for place in weights.places))


Starter = Callable[[str], AbstractContextManager[SideWorker]]
"""Starts a fresh process of side `A` or `B`."""


def interleave(
    wanted: Sequence[Benchmark],
    start: Starter,
    *,
    rounds: int,
    blocks: int,
    draw: random.Random,
    warmup_s: float = 0.5,
    slice_s: float = SLICE_S,
    on_round: Callable[[int], None] = lambda _: None,
) -> list[BenchmarkTimes]:
    """Time all benchmarks in `rounds` rounds of `blocks` blocks; of fewer where an iteration is long.

    Which side starts, and with which order of slices a round begins, alternates from round to round and is
    random for the first. A side that fails at a benchmark ends that benchmark; the others continue.
    """
    timed = [BenchmarkTimes(benchmark) for benchmark in wanted]
    first = draw.randrange(2)
    for number in range(rounds):
        order = "AB" if (number + first) % 2 == 0 else "BA"
        with ExitStack() as stack:
            pair = {side: stack.enter_context(start(side)) for side in order}
            for one in draw.sample(timed, len(timed)):
                if one.failed is None:
                    _time_round(
                        one,
                        pair,
                        order,
                        blocks=blocks,
                        slice_s=slice_s,
                        first_block=number + first,
                        warmup_s=warmup_s,
                    )
        on_round(number + 1)
    return timed


def _time_round(
    one: BenchmarkTimes,
    pair: dict[str, SideWorker],
    order: str,
    *,
    blocks: int,
    slice_s: float,
    first_block: int,
    warmup_s: float,
) -> None:
    side = order[0]
    try:
        for side in order:  # each has imported what it needs when it answers, and is idle from then on
            pair[side].ask(Free(), Freed)
        taken = []
        for side in order:
            ready = pair[side].ask(_preparation(one.benchmark, side, warmup_s), Ready)
            taken.append(ready.once_s)
        one.once_s = sum(taken) / len(taken)
        # the same for both, or what the first iterations of a slice cost would weigh more in one
        iterations = 1 if one.once_s > LONG_S else max(LEAST, round(slice_s / one.once_s))
        wanted = round(blocks * slice_s / (iterations * one.once_s))
        made = []
        for number in range(max(1, blocks // FEWER, min(blocks, wanted))):
            block = []
            for side in ORDERS[(first_block + number) % 2]:
                times = pair[side].ask(TimeSlice(iterations=iterations), SliceTimes)
                block.append((side, times.seconds, times.start, times.end))
            made.append(block)
    except CellError as error:
        one.failed = side, str(error)
        return
    one.slices.append(made)
    one.rounds.append(
        round_value([block_value([Slice(side, seconds) for side, seconds, *_ in block]) for block in made])
    )


def _preparation(benchmark: Benchmark, side: str, warmup_s: float) -> Prepare:
    """The order to prepare one side of a benchmark, without its training."""
    if side == "A":
        cell, weights = benchmark.base, benchmark.base_weights
    else:
        cell, weights = benchmark.head, benchmark.head_weights
    untrained = cell.model_copy(update={"train": None})
    return Prepare(cell=untrained, weights=weights, batch=benchmark.batch, warmup_s=warmup_s)
