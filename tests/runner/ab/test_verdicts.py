"""From rounds to verdicts: two stages, fresh data, a null control."""

import math
import random
import re

import pytest

from cvbench.cli.duet import items, rows, summary
from cvbench.compare.gate.result import exit_code
from cvbench.runner.ab.interleave import interleave
from cvbench.runner.ab.session import expected
from cvbench.runner.ab.verdicts import DIRTY, LARGE, document, reach_verdicts
from cvbench.units import show_seconds
from tests.runner.ab.partners import Machine, benchmark


def judged(machine, names=("net",), **how):
    calls = []

    def player(wanted, /, *, rounds, blocks, null=False):
        machine.null = null
        calls.append((null, rounds, blocks, [b.name for b in wanted]))
        return interleave(wanted, machine.start, rounds=rounds, blocks=blocks, draw=random.Random(1))

    return reach_verdicts([benchmark(name) for name in names], player, **how), calls


def test_the_same_program_is_the_same():
    verdicts, _ = judged(Machine())
    assert [o.verdict for o in verdicts.outcomes] == ["same"]
    assert exit_code(items(verdicts)) == 0


@pytest.mark.parametrize(("slower", "verdict", "code"), [(1.05, "worse", 1), (0.95, "better", 0)])
def test_a_planted_change_is_found_with_its_size(slower, verdict, code):
    verdicts, _ = judged(Machine(slower=math.log(slower)))
    (outcome,) = verdicts.outcomes
    assert (outcome.verdict, outcome.stage) == (verdict, 2)
    assert outcome.ratio == pytest.approx(slower, abs=0.01)
    assert exit_code(items(verdicts)) == code


def test_the_second_stage_decides_by_its_own_rounds_alone():
    machine = Machine(slower=math.log(1.05))
    verdicts, calls = judged(machine, with_null=False)
    (_, _, first), (_, _, second) = verdicts.timed
    assert verdicts.outcomes[0].rounds == len(second.rounds)
    assert verdicts.outcomes[0].ratio == pytest.approx(math.exp(sum(second.rounds) / len(second.rounds)))
    assert not set(first.rounds) & set(second.rounds)
    assert [blocks for _, _, blocks, _ in calls] == [40, 80]


def test_only_what_was_flagged_is_measured_again():
    def fails(side, order):
        return None

    machine = Machine(process_sd=0.0, slice_sd=0.001, fails=fails)
    verdicts, calls = judged(machine, names=("a", "b"), with_null=False)
    flagged = {name for _, _, blocks, names in calls if blocks == 80 for name in names}
    assert flagged == {o.name for o in verdicts.outcomes if o.stage == 2}


def test_a_large_slowdown_needs_few_rounds_of_control():
    machine = Machine(slower=math.log(1.5), null_slower=math.log(1.02), process_sd=0.02)
    verdicts, calls = judged(machine)
    assert [o.verdict for o in verdicts.outcomes] == ["worse"]
    assert sum(rounds for null, rounds, _, _ in calls if null) <= 5 + 5


def test_no_control_is_timed_where_nothing_is_worse_or_better():
    verdicts, calls = judged(Machine())
    assert verdicts.null is None
    assert not any(null for null, *_ in calls)


def test_the_second_stage_stops_when_it_is_certain():
    machine = Machine(slower=math.log(1.12), process_sd=0.03, seed=2)
    said = []
    verdicts, calls = judged(machine, with_null=False, tell=said.append)
    assert verdicts.outcomes[0].verdict == "worse"
    most = int(re.search(r"at most (\d+) fresh rounds", said[-1])[1])
    assert sum(rounds for _, rounds, blocks, _ in calls if blocks == 80) < most


def test_the_expected_time_counts_both_stages_and_the_control():
    # 5 rounds of a pair (3.5 s) and two benchmarks (1.5 s and 40 x 4 turns of 16 ms each), and so on
    first, second = 5 * (3.5 + 2 * (1.5 + 2.56)), 30 * (3.5 + 2 * (1.5 + 5.12))
    control = 5 * (3.5 + 1.5 + 2.56) + 30 * (3.5 + 1.5 + 5.12)
    told = [expected(2, rounds=5, most_rounds=30, with_null=null) for null in (False, True)]
    assert told[0].startswith(f"about {show_seconds(first)} where nothing differs")
    assert f"up to {show_seconds(second)} more" in told[0]
    assert f"up to {show_seconds(second + control)} more" in told[1]


def test_a_quick_comparison_takes_no_more_rounds_than_it_says():
    _, calls = judged(
        Machine(slower=math.log(1.1), process_sd=0.1), screening_rounds=3, most_rounds=8, with_null=False
    )
    assert [rounds for _, rounds, blocks, _ in calls if blocks == 40] == [3]
    assert sum(rounds for _, rounds, blocks, _ in calls if blocks == 80) <= 8


def test_a_dirty_null_control_takes_every_verdict_back():
    verdicts, _ = judged(Machine(slower=math.log(1.1), null_slower=math.log(1.1)))
    (outcome,) = verdicts.outcomes
    assert (outcome.verdict, outcome.reason) == ("inconclusive", DIRTY)
    assert exit_code(items(verdicts)) == 4
    assert rows(verdicts)[-1]["benchmark"].endswith("(null control)")


def test_rounds_too_wide_for_a_verdict_are_told_as_such_once_and_everywhere():
    verdicts, _ = judged(Machine(process_sd=0.3), with_null=False, screening_rounds=3)
    (outcome,) = verdicts.outcomes
    assert outcome.verdict == "inconclusive"
    assert outcome.detectable > LARGE
    seen = f"the minimum detectable slowdown is {100 * (outcome.detectable - 1):.0f} %"
    for said in (
        rows(verdicts)[0]["time"],
        items(verdicts)[0].message,
        document(verdicts)["outcomes"][0]["reason"],
    ):
        assert said.count(seen) == 1
        assert "detectable: " not in said
        assert "a quieter machine or more rounds (--rounds)" in said


def test_what_is_seen_well_enough_has_no_such_reason():
    verdicts, _ = judged(Machine(), with_null=False)
    assert verdicts.outcomes[0].reason == ""
    assert rows(verdicts)[0]["time"].count("detectable: ") == 1


@pytest.mark.parametrize(("side", "code", "word"), [("B", 1, "head failed"), ("A", 5, "base failed")])
def test_a_side_that_fails_is_told_by_its_side(side, code, word):
    def fails(which, order):
        return "it broke" if which == side else None

    verdicts, _ = judged(Machine(fails=fails))
    assert exit_code(items(verdicts)) == code
    assert items(verdicts)[0].message == f"{word}: it broke"


def test_a_head_that_fails_in_the_second_stage_is_worse():
    machine = Machine(slower=math.log(1.1))
    machine.fails = lambda side, order: "gone" if side == "B" and len(machine.started) > 10 else None
    verdicts, _ = judged(machine, with_null=False)
    assert (verdicts.outcomes[0].verdict, verdicts.outcomes[0].reason) == ("worse", "head failed: gone")


def test_everything_is_kept():
    verdicts, _ = judged(Machine(slower=math.log(1.05)))
    content = document(verdicts, suite="s")
    assert {(raw["arms"], raw["stage"]) for raw in content["raw"]} >= {("duet", 1), ("duet", 2), ("null", 1)}
    assert all(len(raw["slices"]) == len(raw["rounds"]) for raw in content["raw"])
    assert summary(verdicts) == "1 worse"


@pytest.mark.full
def test_false_alarms_of_a_quiet_machine_are_rare():
    words = [judged(Machine(seed=seed), with_null=False)[0].outcomes[0].verdict for seed in range(150)]
    assert words.count("worse") + words.count("better") <= 1
