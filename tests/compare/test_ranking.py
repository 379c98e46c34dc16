"""Several runs: ranks that are covered, and fronts that the intervals carry."""

import numpy as np

from cvbench.compare.ranking import rank, table
from tests.compare.runs import Made, make_run
from tests.compare.test_comparison import draw_right, flipped, normal_rounds
from tests.records import cell

RIGHT = draw_right()


def net(name, *, lost=0, gained=0, seconds=0.01, seed=0):
    made = Made(cell(f"pkg:{name}"), weights=f"{seed:064d}")
    made.topk(flipped(RIGHT, lost, gained))
    return made.rounds("latency", normal_rounds(seconds, seed=seed))


def places(ranking):
    return {c.title.removeprefix("pkg:"): ([p.rank for p in c.places], c.fronts) for c in ranking.cells}


def test_what_nothing_separates_shares_a_rank(tmp_path):
    runs = [
        make_run(tmp_path / "s" / "a", net("good", seed=1), net("as_good", lost=20, gained=18, seed=2)),
        make_run(tmp_path / "s" / "b", net("bad", lost=500, seed=3)),
    ]
    (ranking,) = rank(runs)
    assert [c.title for c in ranking.cells][-1] == "pkg:bad"
    assert {name: own[0][0] for name, own in places(ranking).items()} == {"good": 1, "as_good": 1, "bad": 3}


def test_fast_or_good_is_on_the_front_and_neither_is_not(tmp_path):
    run = make_run(
        tmp_path / "s" / "a",
        net("good", seconds=0.02, seed=1),
        net("fast", lost=500, seconds=0.01, seed=2),
        net("neither", lost=1000, seconds=0.03, seed=3),
    )
    (ranking,) = rank([run])
    on = {name for name, (_, fronts) in places(ranking).items() if "latency_p50 batch=1" in fronts}
    assert on == {"good", "fast"}


def test_with_one_round_nobody_is_dominated(tmp_path):
    def timed_once(name, lost, seconds):
        made = Made(cell(f"pkg:{name}")).topk(flipped(RIGHT, lost, 0))
        return made.rounds("latency", [np.full(50, seconds)])

    run = make_run(tmp_path / "s" / "a", timed_once("good", 0, 0.01), timed_once("bad", 800, 0.05))
    (ranking,) = rank([run])
    assert all(fronts for _, fronts in places(ranking).values())


def test_the_table_has_a_row_a_cell_and_the_place_in_each_figure(tmp_path):
    run = make_run(tmp_path / "s" / "a", net("good", seed=1), net("bad", lost=500, seconds=0.02, seed=2))
    rows = table(rank([run])[0])
    assert rows[0]["top1"].startswith("1. 0.797")
    assert rows[1]["latency_p50 batch=1"].startswith("2. 20")
