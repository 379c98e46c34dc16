import numpy as np
import pytest

from cvbench.spec import LatencyPlan
from cvbench.timing.latency import LEAST, latency_figures, measure_latency
from cvbench.timing.series import HostClock, Series
from tests.timing.simulated import SimulatedClock, Unsynchronised

PLAN = LatencyPlan(warmup=0.1, duration=5.0, iterations=200)


def test_an_asynchronous_device_cannot_hide_its_work():
    clock = SimulatedClock()
    series = measure_latency(clock.work(launch_s=20e-6, run_s=lambda _: 0.05), PLAN, clock=clock)
    assert np.allclose(series.values, 0.05 + 20e-6)


def test_a_harness_that_does_not_wait_is_found_out_by_the_test_above():
    clock = Unsynchronised()
    series = measure_latency(clock.work(launch_s=20e-6, run_s=lambda _: 0.05), PLAN, clock=clock)
    assert not np.allclose(series.values, 0.05 + 20e-6)


def test_it_stops_at_the_iterations_or_at_the_duration_whichever_comes_first():
    quick, slow = SimulatedClock(), SimulatedClock()
    many = measure_latency(quick.work(launch_s=0, run_s=lambda _: 1e-3), PLAN, clock=quick)
    few = measure_latency(slow.work(launch_s=0, run_s=lambda _: 0.25), PLAN, clock=slow)
    assert len(many.values) == 200
    assert len(few.values) == 20


def test_a_model_slower_than_the_whole_plan_still_gets_ten_iterations():
    clock = SimulatedClock()
    series = measure_latency(clock.work(launch_s=0, run_s=lambda _: 60.0), PLAN, clock=clock)
    assert len(series.values) == LEAST


def test_the_first_slow_calls_are_warm_up_and_not_samples():
    clock = SimulatedClock()
    call = clock.work(launch_s=0, run_s=lambda number: 1.0 if number < 3 else 1e-3)
    series = measure_latency(call, PLAN, clock=clock)
    assert series.values.max() < 2e-3
    assert series.warmup_calls == 3


def test_every_input_of_a_pool_is_seen_in_turn():
    clock, seen = SimulatedClock(), []
    work = clock.work(launch_s=0, run_s=lambda _: 1e-3)

    def call(number):
        seen.append(number)
        work(number)

    measure_latency(call, PLAN, clock=clock)
    assert seen[3:] == list(range(3, len(seen)))


def test_a_percentile_is_printed_only_if_enough_independent_iterations_carry_it():
    rng = np.random.default_rng(0)
    series = Series("latency", "batch=1", "s", rng.lognormal(size=200), 3)
    figures = {figure.name: figure for figure in latency_figures(series)}
    assert figures["latency_p50"].value == pytest.approx(np.median(series.values))
    assert figures["latency_p95"].value is not None
    assert figures["latency_p99"].value is None
    assert figures["latency_p99"].missing.startswith("200 iterations are worth ")
    assert figures["latency_p99"].missing.endswith("; it needs 662")


def test_the_p50_lies_within_its_interval():
    series = Series("latency", "batch=1", "s", np.random.default_rng(1).lognormal(size=100), 3)
    p50 = latency_figures(series)[0]
    assert p50.interval[0] <= p50.value <= p50.interval[1]


def test_the_real_clock_recovers_a_known_delay():
    def spin(_):
        import time

        end = time.perf_counter_ns() + 2_000_000
        while time.perf_counter_ns() < end:
            pass

    plan = LatencyPlan(warmup=0.01, duration=1.0, iterations=50)
    series = measure_latency(spin, plan, clock=HostClock())
    assert series.values.min() == pytest.approx(2e-3, rel=0.05)  # the least: others may be at work


def test_progress_ends_at_the_whole():
    clock, heard = SimulatedClock(), []
    measure_latency(clock.work(launch_s=0, run_s=lambda _: 1e-3), PLAN, clock=clock, on_step=heard.append)
    assert heard[-1] == 1.0
    assert heard == sorted(heard)
