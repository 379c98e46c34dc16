"""Components of noise, from simulated jobs; and what would be seen through them."""

import numpy as np
import pytest

from cvbench.compare.comparison import compare
from cvbench.compare.gate.baselines import Job
from cvbench.compare.gate.noise import FigureNoise, known_noise, least_seen, noise_of, noise_path, table
from cvbench.errors import StoreError
from tests.compare.runs import MACHINE, Made, make_run
from tests.compare.test_comparison import normal_rounds


def jobs(number=400, *, between=0.01, within=0.02, rounds=5, seed=0):
    draw = np.random.default_rng(seed)
    made = []
    for k in range(number):
        logs = draw.normal(0, between) + draw.normal(0, within, rounds)
        made.append(Job(run=str(k), created="", hard="h", figures={"key latency_p50@": tuple(np.exp(logs))}))
    return made


def noise(**how):
    return noise_of(jobs(**how), MACHINE, seconds_a_round=10.0)


def test_components_of_variance_are_found():
    (own,) = noise().figures.values()
    assert own.between_rounds == pytest.approx(0.02, rel=0.05)
    assert own.between_jobs == pytest.approx(0.01, rel=0.15)


def test_equal_jobs_have_no_noise_between_them():
    assert noise(between=0.0, number=3000).between_jobs < 0.002


def test_rounds_see_more_until_jobs_are_what_varies():
    own = FigureNoise(between_rounds=0.02, between_jobs=0.01, rounds=5)
    few, many = least_seen(own, 5), least_seen(own, 20)
    assert many["duet"] < 0.5 * few["duet"]
    assert many["two runs"] > many["duet"]
    # 20 jobs that vary by 1 %: 5.4 % for a single job (worked in the tests of history), and rounds add to it
    assert many["20 earlier jobs"] == pytest.approx(0.061, abs=0.003)


def test_a_duet_sees_what_the_table_of_the_t_test_says():
    # rounds of a pair vary by the root of 2 times 0.7 %, which is 1 %: 4.4 % at 5 rounds
    own = FigureNoise(between_rounds=0.01 / 2**0.5, between_jobs=0.0, rounds=5)
    assert least_seen(own, 5)["duet"] == pytest.approx(0.044, abs=1e-3)


def test_the_table_says_what_it_costs():
    rows = table(noise(), {"key": "resnet18"})
    assert [row["seconds per job"] for row in rows] == ["50", "100", "200"]
    assert rows[0]["cell"] == "resnet18"


def test_jobs_without_rounds_tell_nothing():
    with pytest.raises(StoreError, match=r"time: \{rounds: 5\}"):
        noise_of(jobs(rounds=1), MACHINE, seconds_a_round=1.0)


def test_noise_is_known_on_the_machine_where_it_was_measured_alone(tmp_path):
    path = noise_path(MACHINE, tmp_path)
    path.parent.mkdir()
    path.write_text(noise().model_dump_json())
    assert known_noise(MACHINE, tmp_path) == pytest.approx(0.01, rel=0.15)
    assert known_noise({**MACHINE, "torch": "3"}, tmp_path) == 0.0
    assert known_noise({**MACHINE, "cpu": "another"}, tmp_path) == 0.0
    path.write_text("{")
    with pytest.raises(StoreError, match=str(path)):
        known_noise(MACHINE, tmp_path)


def test_known_noise_widens_a_comparison(tmp_path):
    a, b = (
        make_run(tmp_path / "s" / name, Made().rounds("latency", normal_rounds(0.01 * factor, seed=seed)))
        for name, factor, seed in (("a", 1.0, 1), ("b", 1.06, 2))
    )
    (_, alone), (_, wider) = (
        next(compare(a, b, between_jobs=lambda _, sd=sd: sd).differences) for sd in (0.0, 0.03)
    )
    assert (alone.verdict, wider.verdict) == ("worse", "inconclusive")
