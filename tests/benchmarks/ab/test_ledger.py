"""The ledger of duets with a known truth runs every job once, resumes, and reports quiet jobs separately."""

from collections import Counter

import pytest

from tests.benchmarks.ab.ledger import PLAN, Ledger, markdown, promised


def job(slower, seed, *, verdict="same", spread=0.01):
    around = [-1.5, -0.5, 0.0, 0.5, 1.5]  # of standard deviation 1.118
    return {
        "slower": slower,
        "seed": seed,
        "verdict": verdict,
        "stage": 1,
        "rounds": 5,
        "ratio": 1.0,
        "detectable": 1.05,
        "spread": spread,
        "reason": "",
        "wall_s": 20.0,
        "load": 0.1,
        "values": {"stage_1": [slower + spread * x for x in around]},
    }


def taken(ledger, most=1000):
    return [one for _ in range(most) if (one := ledger.take()) is not None]


def test_every_job_of_the_plan_is_given_out_once_and_shares_advance_together(tmp_path):
    jobs = taken(Ledger(tmp_path / "duet.json", "machine", quiet=True))
    assert Counter(slower for slower, _ in jobs) == PLAN
    assert len({seed for _, seed in jobs}) == len(jobs)
    assert {slower for slower, _ in jobs[: len(PLAN)]} == set(PLAN)


def test_it_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "duet.json"
    first = Ledger(path, "machine", quiet=True)
    done = [first.take() for _ in range(30)]
    for slower, seed in done[:-1]:  # the last one was interrupted
        first.keep(job(slower, seed))
    rest = taken(Ledger(path, "machine", quiet=False))
    assert len(rest) == sum(PLAN.values()) - 29
    assert not {seed for _, seed in rest} & {seed for _, seed in done[:-1]}


def test_quiet_jobs_and_others_stand_apart(tmp_path):
    path = tmp_path / "duet.json"
    Ledger(path, "machine", quiet=True).keep(job(0.0, 0))
    both = Ledger(path, "machine", quiet=False)
    both.keep(job(0.0, 1, verdict="inconclusive"))
    both.tell()
    quiet, other = path.with_suffix(".md").read_text().split("## Other processes running")
    assert "| 0% | 1 | 0 | 0 | 1 | 0 |" in quiet
    assert "| 0% | 1 | 0 | 0 | 0 | 1 |" in other


@pytest.mark.parametrize(
    ("slower", "spread", "low", "high"),
    [(0.0, 0.01, 0.0, 0.01), (0.2, 0.01, 0.99, 1.0), (0.03, 0.001, 0.3, 0.7), (0.05, 0.1, 0.0, 0.3)],
)
def test_what_is_promised_follows_effect_spread_and_gate(slower, spread, low, high):
    """At 3 %, the gate itself, half of the estimates lie below it however exact they are."""
    assert low <= promised([job(slower, 0, spread=spread)], slower, times=400) <= high


def test_an_empty_ledger_has_no_table():
    assert "|" not in markdown({"machine": "machine", "jobs": []})
