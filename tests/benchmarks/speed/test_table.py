"""The speed table shows what was measured, with its units."""

import json

import pytest

from tests.benchmarks.speed import table
from tests.benchmarks.speed.measuring import Timed, measure, ratios
from tests.benchmarks.speed.peers import Absent
from tests.benchmarks.speed.rows import Row


def toy(*results):
    calls = {"cvbench": lambda: [1.0, None], "peer": lambda: list(results), "gone": Absent("not here")}
    return Row("work", "2 x", lambda: calls, rounds=4)


def test_a_peer_that_is_missing_is_a_row_with_a_reason():
    row = toy(1.0, -1.0)
    times = measure(row, row.contenders())
    assert times["gone"] == Timed(missing="not here")
    assert [len(times[who].seconds) for who in ("cvbench", "peer")] == [4, 4]


def test_a_peer_with_another_result_is_no_peer():
    row = toy(0.5, -1.0)
    with pytest.raises(AssertionError, match="peer: work"):
        measure(row, row.contenders())


def test_ratios_are_taken_round_by_round():
    assert ratios(Timed((1.0, 2.0, 4.0)), Timed((3.0, 6.0, 12.0))) == (3, 3, 3)
    assert ratios(Timed((1.0, 2.0, 3.0)), Timed((6.0,)))[1] == pytest.approx(3)


def test_the_table_tells_what_was_measured():
    contender = {"version": "1.0", "missing": None}
    row = {
        "work": "work",
        "asked": "2 x",
        "taken": "2026-01-01",
        "load": "load 0.1",
        "contenders": {
            "cvbench": {**contender, "seconds": [1.0, 1.0]},
            "peer": {**contender, "seconds": [2.0, 2.0]},
            "gone": {"version": "", "missing": "not installed here", "seconds": []},
        },
    }
    kept = {"class": "toy", "machine": {"cpu": "Toy"}, "rows": {"iou": row}}
    text = table.markdown(json.loads(json.dumps(kept)))
    assert "| work | 2 x | cvbench 1.0 | 1 (1 to 1) | 2 |  | 2026-01-01, load 0.1 |" in text
    assert "| | | peer 1.0 | 2 (2 to 2) | 2 | 2.00 (2.00 to 2.00) |" in text
    assert "| | | gone | not installed here | |  |" in text


def test_a_machine_class_names_the_processor_and_its_threads():
    hard = {"cpu": "AMD EPYC", "cpu_family": "23/1/2", "cpu_threads": 2}
    assert table.machine_class(hard) == "amd-epyc-23-1-2-2t"
