import numpy as np
import pytest
from scipy import stats

from cvbench.statistics.series import theil_sen, trimmed_mean
from cvbench.timing.instruments import Counters
from cvbench.timing.warmup import CAP, is_steady, warm_up
from tests.timing.simulated import ScriptedMonitor, SimulatedClock, instruments


def warmed(clock, *, run_s=lambda _: 1e-3, seconds=1.0, monitor=None, **options):
    call = clock.work(launch_s=0, run_s=run_s)
    return warm_up(call, seconds=seconds, instruments=instruments(clock, monitor), **options)


def test_the_four_phases_are_counted():
    found = warmed(SimulatedClock(), run_s=lambda number: 2.0 if number == 0 else 1e-3)
    assert found.first_s == 2.0
    assert found.counts["first"] == 1
    assert found.counts["compile"] == 3
    assert found.counts["settle"] == pytest.approx(1000, abs=5)
    assert found.counts["steady"] == pytest.approx(1000, abs=5)
    assert found.calls == sum(found.counts.values())
    assert found.steady


def test_compilation_is_over_after_three_calls_without_any():
    clock = SimulatedClock()
    work = clock.work(launch_s=0, run_s=lambda _: 1e-3)

    def call(number):
        work(number)
        if number in (1, 4):
            clock.counted = Counters(compiles=clock.counted.compiles + 1)

    found = warm_up(call, seconds=0.1, instruments=instruments(clock))
    assert found.counts["compile"] == 7  # calls 1 to 7: the last one that compiled was 4


def test_it_goes_on_until_the_clock_of_the_device_has_settled():
    found = warmed(SimulatedClock(), monitor=ScriptedMonitor(settled_after=3000))
    assert found.counts["settle"] >= 3000


def test_a_ramp_is_waited_for():
    ramp = lambda number: 1e-3 * (1 + max(0.0, 1 - number / 2000))  # noqa: E731
    found = warmed(SimulatedClock(), run_s=ramp, seconds=1.0)
    assert found.steady
    assert found.calls > 2500


def test_what_never_becomes_steady_ends_at_the_cap_and_is_told():
    clock = SimulatedClock()
    found = warmed(clock, run_s=lambda number: 1e-3 * 1.0005**number)
    assert not found.steady
    assert clock.now_ns() * 1e-9 < 2.2 * CAP


def test_a_late_step_is_seen():
    looks = [(0.01 * n, 1e-3 if n < 120 else 1.1e-3) for n in range(200)]
    assert not is_steady(looks)
    assert is_steady([(moment, 1e-3) for moment, _ in looks])


def test_a_slow_call_is_not_repeated_for_the_sake_of_phases():
    clock = SimulatedClock()
    found = warmed(clock, run_s=lambda _: 60.0)
    assert found.calls <= 3
    assert not found.steady


def test_frozen_counts_are_kept_however_long_that_takes():
    counts = {"first": 1, "compile": 4, "settle": 10, "steady": 20}
    found = warmed(SimulatedClock(), run_s=lambda _: 1.0, frozen=counts)
    assert (found.counts, found.calls) == (counts, 35)


def test_the_slope_is_that_of_scipy():
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = np.sort(rng.random(30)), rng.random(30)
        assert theil_sen(x, y) == pytest.approx(stats.theilslopes(y, x).slope)


def test_the_trimmed_mean_is_that_of_scipy_and_the_median_of_few():
    values = np.random.default_rng(0).random(23)
    assert trimmed_mean(values) == pytest.approx(stats.trim_mean(values, 0.2))
    assert trimmed_mean(np.array([1.0, 2.0, 9.0])) == 2.0
