import itertools
import time

import numpy as np
import pytest

from cvbench.spec.cell import LatencyPlan
from cvbench.statistics.series import half_width, mean_interval, median_interval
from cvbench.timing.instruments import Instruments, overhead_s
from cvbench.timing.latency import LEAST, latency_figures, measure_latency
from cvbench.timing.series import Series, joined
from tests.timing.simulated import SimulatedClock, Unsynchronised, instruments

PLAN = LatencyPlan(warmup=0.1, duration=5.0, iterations=200)


def taken(clock, plan=PLAN, *, launch_s=0.0, run_s=lambda _: 1e-3, **options):
    """The series of a simulated call; the first is of the whole."""
    call = clock.work(launch_s=launch_s, run_s=run_s)
    return measure_latency(call, plan, instruments=instruments(clock), **options)


def test_an_asynchronous_device_cannot_hide_its_work():
    [series] = taken(SimulatedClock(), launch_s=20e-6, run_s=lambda _: 0.05)
    assert np.allclose(series.values, 0.05 + 20e-6)


def test_a_harness_that_does_not_wait_is_found_out_by_the_test_above():
    [series] = taken(Unsynchronised(), launch_s=20e-6, run_s=lambda _: 0.05)
    assert not np.allclose(series.values, 0.05 + 20e-6)


def test_a_device_with_a_clock_of_its_own_tells_its_share():
    clock = SimulatedClock(has_events=True)
    host, device = taken(clock, launch_s=20e-6, run_s=lambda number: 0.05 if number % 2 else 0.04)
    work = np.where(np.isclose(host.values, 0.05 + 20e-6), 0.05, 0.04)
    assert set(work) == {0.04, 0.05}
    assert np.allclose(host.values, work + 20e-6)
    assert np.allclose(device.values, work, rtol=1e-3)  # the launch of an idle device is in it
    assert clock.marks_made == 2  # they are set anew
    assert (device.name, len(device.values)) == ("latency_device", len(host.values))


def test_it_stops_at_the_iterations_or_at_the_duration_whichever_comes_first():
    [many] = taken(SimulatedClock(), run_s=lambda _: 1e-3)
    [few] = taken(SimulatedClock(), run_s=lambda _: 0.25)
    assert len(many.values) == 200
    assert len(few.values) in (20, 21, 22, 23, 24)  # 5 s, and the slice of 5 that was begun


def test_a_model_slower_than_the_whole_plan_gets_three_iterations_and_says_so():
    [series] = taken(SimulatedClock(), run_s=lambda _: 60.0)
    assert len(series.values) == LEAST == 3
    assert "too slow for its duration: 3 iterations in 5 s" in series.cautions


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_a_plan_of_fewer_iterations_than_that_gets_just_these(iterations):
    plan = LatencyPlan(warmup=0.1, duration=5.0, iterations=iterations)
    [series] = taken(SimulatedClock(), plan)
    assert len(series.values) == iterations
    assert not any(caution.startswith("too slow for its duration") for caution in series.cautions)
    p50 = latency_figures(series)[0]
    assert (p50.value, p50.n, p50.interval) == (pytest.approx(1e-3), iterations, None)


def test_the_first_slow_calls_are_warm_up_and_not_samples():
    [series] = taken(SimulatedClock(), run_s=lambda number: 1.0 if number < 3 else 1e-3)
    assert series.values.max() < 2e-3


def test_every_input_of_a_pool_is_seen_in_turn():
    clock, seen = SimulatedClock(), []
    work = clock.work(launch_s=0, run_s=lambda _: 1e-3)

    def call(number):
        seen.append(number)
        work(number)

    measure_latency(call, PLAN, instruments=instruments(clock))
    assert seen == list(range(len(seen)))


def test_parts_are_timed_beside_the_whole_in_slices_that_alternate():
    clock, order = SimulatedClock(), []

    def part(name, seconds):
        work = clock.work(launch_s=0, run_s=lambda _: seconds)

        def call(number):
            order.append(name)
            work(number)

        return call

    whole, forward, post = measure_latency(
        part("latency", 3e-3),
        LatencyPlan(warmup=0.1, duration=60, iterations=400),
        parts={"forward": part("forward", 2e-3), "postprocess": part("postprocess", 1e-3)},
        instruments=instruments(clock),
    )
    assert np.allclose(whole.values, 3e-3)
    assert np.allclose(forward.values, 2e-3)
    assert np.allclose(post.values, 1e-3)
    changes = [name for name, after in itertools.pairwise(order) if name != after]
    assert len(set(itertools.pairwise(changes))) > 4  # the order is another one in each turn


def test_where_time_is_short_each_call_still_gets_its_slices():
    clock = SimulatedClock()
    call = clock.work(launch_s=0, run_s=lambda _: 1e-3)
    plan = LatencyPlan(warmup=0.1, duration=0.2)
    found = measure_latency(call, plan, parts={"forward": call}, instruments=instruments(clock))
    assert all(len(np.unique(series.slice)) >= 3 for series in found)
    assert not [said for series in found for said in series.cautions]


@pytest.mark.full
def test_with_a_target_it_goes_on_until_the_median_is_known_so_exactly():
    noise = np.random.default_rng(0).lognormal(0, 0.2, size=100_000) * 1e-3
    plan = LatencyPlan(warmup=0.1, duration=600)
    [series] = taken(SimulatedClock(), plan, run_s=lambda n: float(noise[n]), target=0.01)
    assert half_width(median_interval(series.values)) <= 0.01
    [rough] = taken(SimulatedClock(), plan, run_s=lambda n: float(noise[n]), target=0.05)
    assert len(rough.values) < len(series.values)


def test_a_target_that_cannot_be_reached_ends_with_the_time_and_the_width_that_was():
    noise = np.random.default_rng(0).lognormal(0, 1.0, size=100_000) * 0.1
    [series] = taken(
        SimulatedClock(), LatencyPlan(warmup=0.1, duration=5), run_s=lambda n: float(noise[n]), target=0.01
    )
    [said] = [text for text in series.cautions if "half-width" in text]
    assert said.endswith("after 5 s; the target is 1.0%")


def test_calls_too_short_for_the_clock_are_grouped_and_give_no_percentiles():
    class Slow(SimulatedClock):
        def now_ns(self):
            self.host_ns += 100  # what reading it costs
            return self.host_ns

    [series] = taken(Slow(), LatencyPlan(warmup=0.01, duration=0.5), run_s=lambda _: 1e-6)
    assert series.counts["group"] == pytest.approx(100, rel=0.2)  # 1000 readings of 100 ns
    assert series.values == pytest.approx(1e-6, rel=0.01)
    p90 = {figure.name: figure for figure in latency_figures(series)}["latency_p90"]
    assert p90.missing.startswith("the calls are so short that each sample is a group of ")


@pytest.mark.full
def test_later_rounds_keep_to_the_counts_of_the_first():
    [first] = taken(SimulatedClock(), run_s=lambda _: 1e-3)
    [second] = taken(SimulatedClock(), run_s=lambda _: 5e-3, frozen={first.title: first.counts})
    assert second.warmup_calls == first.warmup_calls
    assert second.counts == first.counts


@pytest.mark.full
def test_a_harness_that_adapts_its_warm_up_anew_is_found_out_by_the_test_above():
    [first] = taken(SimulatedClock(), run_s=lambda _: 1e-3)
    [second] = taken(SimulatedClock(), run_s=lambda _: 5e-3)
    assert second.counts != first.counts


def test_a_percentile_is_printed_only_if_enough_independent_iterations_carry_it():
    rng = np.random.default_rng(0)
    series = Series("latency", "batch=1", "s", rng.lognormal(size=200), 3)
    figures = {figure.name: figure for figure in latency_figures(series)}
    assert figures["latency_p50"].value == pytest.approx(np.median(series.values))
    assert figures["latency_p95"].value is not None
    assert figures["latency_p99"].value is None
    assert figures["latency_p99"].missing.startswith("200 iterations equal ")
    assert figures["latency_p99"].missing.endswith("; it needs 662")


def test_the_p50_lies_within_its_interval():
    series = Series("latency", "batch=1", "s", np.random.default_rng(1).lognormal(size=100), 3)
    p50 = latency_figures(series)[0]
    assert p50.interval[0] <= p50.value <= p50.interval[1]


def rounds(rng, *, process_sd, iterations=200, processes=5):
    """A series of processes that differ, of iterations that differ a little."""
    parts = [
        (number, Series("latency", "batch=1", "s", np.exp(rng.normal(shift, 0.01, iterations)), 3))
        for number, shift in enumerate(rng.normal(0, process_sd, processes))
    ]
    return joined(parts)


def covered(interval_of, *, runs=400):
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(runs):
        low, high = interval_of(rounds(rng, process_sd=0.02))
        hits += low <= 1.0 <= high
    return hits / runs


def test_the_interval_of_rounds_covers_the_truth_as_often_as_it_says():
    assert 0.92 <= covered(lambda series: latency_figures(series)[0].interval) <= 0.98


def test_a_harness_that_takes_iterations_for_observations_is_found_out_by_the_test_above():
    assert covered(lambda series: mean_interval(series.values)) < 0.5


@pytest.mark.full
def test_a_stall_of_every_twentieth_iteration_is_seen_by_the_p95_and_not_by_the_median():
    def figures(stall):
        run_s = lambda n: 1e-3 * (1 + stall * (n % 20 == 0)) + 1e-6 * ((n * 7919) % 13)  # noqa: E731
        plan = LatencyPlan(warmup=0.1, duration=60, iterations=2000)
        [series] = taken(SimulatedClock(), plan, run_s=run_s)
        return {f.name: f.value for f in latency_figures(series)} | {"mean": series.values.mean()}

    quiet, stalled = figures(0.0), figures(0.5)
    assert stalled["latency_p50"] == pytest.approx(quiet["latency_p50"], rel=0.002)
    assert stalled["latency_p99"] > 1.4 * quiet["latency_p99"]
    assert stalled["mean"] == pytest.approx(1.025 * quiet["mean"], rel=0.002)


def test_the_real_clock_loses_no_time_and_invents_none():
    def spin(_):
        end = time.perf_counter_ns() + 2_000_000
        while time.perf_counter_ns() < end:
            pass

    plan = LatencyPlan(warmup=0.01, duration=0.3, iterations=50)
    start = time.perf_counter_ns()
    [series] = measure_latency(spin, plan, instruments=Instruments())
    elapsed = (time.perf_counter_ns() - start) / 1e9
    assert series.values.min() >= 2e-3  # each call lasts at least this long, whatever else runs here
    assert series.values.sum() <= elapsed  # and all of them together no longer than the whole


def test_reading_a_clock_costs_something():
    assert overhead_s(Instruments().clock) > 0


def test_progress_ends_at_the_whole():
    heard = []
    taken(SimulatedClock(), on_step=heard.append)
    assert heard[-1] == 1.0
    assert heard == sorted(heard)
