"""Who plays when: balanced orders, one at a time, fresh processes, and failures that stay where they are."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from cvbench.runner.ab.interleave import benchmarks, interleave
from cvbench.runner.ab.messages import Prepare, TimeSlice
from cvbench.spec.cell import LatencyPlan, ThroughputPlan, TimingPlan
from tests.records import cell
from tests.runner.ab.partners import Machine, benchmark


def played(machine, wanted=None, *, rounds=6, blocks=3, seed=0):
    return interleave(
        wanted or [benchmark()], machine.start, rounds=rounds, blocks=blocks, draw=random.Random(seed)
    )


def intervals(one):
    return [
        (side, begin, end) for of_round in one.slices for block in of_round for side, _, begin, end in block
    ]


def test_never_do_two_compute_at_once():
    wanted = [benchmark(name) for name in "abc"]
    busy = sorted(i[1:] for one in played(Machine(), wanted, rounds=30, blocks=3) for i in intervals(one))
    assert len(busy) > 1000
    assert all(first[1] <= second[0] for first, second in pairwise(busy))


def test_overlap_would_be_seen():
    busy = [(0, 10), (9, 20)]
    assert not all(first[1] <= second[0] for first, second in pairwise(busy))


@pytest.mark.parametrize("seed", range(4))
def test_turns_are_balanced(seed):
    (one,) = played(Machine(), rounds=7, blocks=3, seed=seed)
    turns = Counter("".join(side for side, *_ in block) for of_round in one.slices for block in of_round)
    assert set(turns) == {"ABBA", "BAAB"}
    assert abs(turns["ABBA"] - turns["BAAB"]) <= 1


@pytest.mark.parametrize(
    ("asked", "slice_s", "played_blocks"),
    [(40, 0.05, 40), (40, 0.006, 40), (40, 0.003, 20), (40, 0.0001, 2), (3, 0.0001, 1)],
)
def test_slow_nets_have_fewer_blocks_and_as_long_ones(asked, slice_s, played_blocks):
    (one,) = interleave(
        [benchmark()], Machine().start, rounds=1, blocks=asked, slice_s=slice_s, draw=random.Random(0)
    )  # an iteration takes 2 ms, and three are a slice
    assert len(one.slices[0]) == played_blocks


def test_who_starts_alternates_from_round_to_round():
    machine = Machine()
    played(machine, rounds=6)
    firsts = machine.started[::2]
    assert all(a != b for a, b in pairwise(firsts))


def test_each_round_is_a_fresh_pair_and_none_is_left():
    machine = Machine()
    played(machine, rounds=5)
    assert Counter(machine.started) == {"A": 5, "B": 5}
    assert machine.alive == 0


def test_a_benchmark_that_fails_ends_and_the_others_go_on():
    def fails(side, order):
        broken = isinstance(order, Prepare) and order.cell.model.name == "pkg:bad"
        return "out of memory" if side == "B" and broken else None

    machine = Machine(fails=fails)
    good, bad = played(machine, [benchmark("good"), benchmark("bad")], rounds=4)
    assert len(good.rounds) == 4
    assert (bad.rounds, bad.failed) == ([], ("B", "out of memory"))
    assert machine.alive == 0


def test_an_interruption_leaves_no_process_behind():
    def fails(side, order):
        if isinstance(order, TimeSlice):
            raise KeyboardInterrupt

    machine = Machine(fails=fails)
    with pytest.raises(KeyboardInterrupt):
        played(machine)
    assert machine.alive == 0


def test_nothing_is_trained():
    seen = []

    def fails(side, order):
        if isinstance(order, Prepare):
            seen.append(order.cell.train)

    played(Machine(fails=fails), rounds=1)
    assert set(seen) == {None}


def test_every_batch_size_is_a_benchmark_once():
    plan = TimingPlan(latency=LatencyPlan(batch=1), throughput=ThroughputPlan(batch=(1, 8)))
    of, untimed = cell(time=plan), cell("vgg16")
    names = [b.name for b in benchmarks([of, untimed], [of, untimed])]
    assert names == ["resnet18 (batch=1)", "resnet18 (batch=8)"]


def test_cells_of_one_title_have_names_of_their_own():
    plan = TimingPlan(throughput=None)
    cells = [cell(time=plan, seed=seed) for seed in (0, 1)]
    names = [b.name for b in benchmarks(cells, cells)]
    assert len(set(names)) == 2
