import numpy as np
import pytest

from cvbench.spec.cell import ThroughputPlan
from cvbench.timing.throughput import knee, measure_throughput, out_of_memory, throughput_figure
from tests.timing.simulated import SimulatedClock, instruments

PLAN = ThroughputPlan(warmup=0.1, window=1.0, windows=5)


def taken(clock, *, batch=1, launch_s=0.0, run_s=lambda _: 0.01, plan=PLAN, **options):
    call = clock.work(launch_s=launch_s, run_s=run_s)
    return measure_throughput(call, plan, batch=batch, instruments=instruments(clock), **options)


def test_images_a_second_are_the_batch_over_the_device_time():
    series = taken(SimulatedClock(), batch=32)
    assert np.allclose(series.values, 3200)
    assert len(series.values) == 5


def test_launching_overlaps_with_the_work_because_no_step_is_waited_for():
    series = taken(SimulatedClock(), launch_s=0.009)
    assert np.allclose(series.values, 100, rtol=0.02)  # not 1 / 0.019


def test_the_device_is_waited_for_once_a_window():
    clock = SimulatedClock()
    series = taken(clock, run_s=lambda _: 0.05)
    assert clock.waits == series.warmup_calls + PLAN.windows


def test_a_step_longer_than_the_window_is_one_window():
    assert np.allclose(taken(SimulatedClock(), batch=6, run_s=lambda _: 3.0).values, 2.0)


def test_the_figure_is_the_geometric_mean_with_its_interval():
    rates = iter(np.tile([0.01, 0.02], 10_000))
    series = taken(SimulatedClock(), run_s=lambda _: next(rates))
    figure = throughput_figure(series)
    assert figure.value == pytest.approx(1 / 0.015, rel=0.03)
    assert figure.interval[0] <= figure.value <= figure.interval[1]
    assert figure.n == 5


def test_twice_and_four_times_the_calls_take_twice_and_four_times_the_time():
    clock = SimulatedClock()
    call = clock.work(launch_s=1e-6, run_s=lambda _: 1e-3)
    spent = []
    for steps in (100, 200, 400):
        start = clock.now_ns()
        for step in range(steps):
            call(step)
        clock.wait()
        spent.append((clock.now_ns() - start) * 1e-9)
    slope, intercept = np.polyfit([100, 200, 400], spent, 1)
    assert slope == pytest.approx(1e-3, rel=0.01)
    assert intercept < 5e-6


@pytest.mark.full
def test_a_loop_that_cannot_launch_as_fast_as_the_device_works_is_told():
    series = taken(SimulatedClock(has_events=True), launch_s=0.02, run_s=lambda _: 0.01)
    assert "launch-bound: the host is busy for 99% of a step" in series.cautions
    quick = taken(SimulatedClock(has_events=True), launch_s=0.001)
    assert not [said for said in quick.cautions if "launch-bound" in said]


@pytest.mark.full
def test_with_a_target_windows_are_added_until_it_is_reached_or_the_time_is_over():
    noise = np.random.default_rng(0).lognormal(0, 0.3, size=100_000)
    options = {"run_s": lambda n: 0.2 * float(noise[n]), "plan": ThroughputPlan(warmup=1, window=0.1)}
    late = taken(SimulatedClock(), target=1e-6, limit_s=20.0, **options)
    known = taken(SimulatedClock(), target=0.3, limit_s=20.0, **options)
    assert 15 < (1 / late.values).sum() < 25
    assert len(known.values) < len(late.values)


def test_every_input_of_a_pool_is_seen_in_turn_across_windows():
    clock, seen = SimulatedClock(), []
    work = clock.work(launch_s=0, run_s=lambda _: 2.0)

    def call(number):
        seen.append(number)
        work(number)

    measure_throughput(call, PLAN, batch=1, instruments=instruments(clock))
    assert seen[-5:] == [0, 1, 2, 3, 4]


def curve(*rates):
    series = []
    for power, rate in enumerate(rates):
        clock, batch = SimulatedClock(), 1 << power
        series.append(taken(clock, batch=batch, run_s=lambda _, t=batch / rate: t))
    return [throughput_figure(one) for one in series]


@pytest.mark.full
def test_the_knee_is_the_least_batch_that_comes_near_the_best():
    assert knee(curve(100, 180, 290, 300)).value == 4
    assert knee(curve(100, 180, 250, 300)).value == 8


@pytest.mark.full
def test_two_batches_have_no_knee():
    assert knee(curve(100, 180)) is None


@pytest.mark.full
def test_a_batch_that_does_not_fit_is_a_result():
    figure = throughput_figure(out_of_memory(64, "out of memory: 3 GiB were asked for"))
    assert (figure.at, figure.value) == ("batch=64", None)
    assert figure.missing == "out of memory: 3 GiB were asked for"
    assert knee([*curve(100, 180, 181), figure]).value == 2


def test_a_sweep_goes_up_in_powers_of_two():
    assert ThroughputPlan(batch=(), up_to=20).batches == (1, 2, 4, 8, 16)
    assert ThroughputPlan(batch=(3,), up_to=4).batches == (1, 2, 3, 4)
    assert ThroughputPlan(batch=(8, 1, 8)).batches == (8, 1)
