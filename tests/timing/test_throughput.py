import numpy as np
import pytest

from cvbench.spec import ThroughputPlan
from cvbench.timing.throughput import measure_throughput, throughput_figure
from tests.timing.simulated import SimulatedClock

PLAN = ThroughputPlan(warmup=0.1, window=1.0, windows=5)


def test_images_a_second_are_the_batch_over_the_device_time():
    clock = SimulatedClock()
    series = measure_throughput(clock.work(launch_s=0, run_s=lambda _: 0.01), PLAN, batch=32, clock=clock)
    assert np.allclose(series.values, 3200)
    assert len(series.values) == 5


def test_launching_overlaps_with_the_work_because_no_step_is_waited_for():
    clock = SimulatedClock()
    call = clock.work(launch_s=0.009, run_s=lambda _: 0.01)
    series = measure_throughput(call, PLAN, batch=1, clock=clock)
    assert np.allclose(series.values, 100, rtol=0.02)  # not 1 / 0.019


def test_the_device_is_waited_for_once_a_window():
    clock = SimulatedClock()
    measure_throughput(clock.work(launch_s=0, run_s=lambda _: 0.05), PLAN, batch=1, clock=clock)
    warm_up_calls = 3
    assert clock.waits == warm_up_calls + 1 + PLAN.windows


def test_a_step_longer_than_the_window_is_one_window():
    clock = SimulatedClock()
    series = measure_throughput(clock.work(launch_s=0, run_s=lambda _: 3.0), PLAN, batch=6, clock=clock)
    assert np.allclose(series.values, 2.0)


def test_the_figure_is_the_geometric_mean_with_its_interval():
    clock = SimulatedClock()
    rates = iter(np.tile([0.01, 0.02], 10_000))
    series = measure_throughput(
        clock.work(launch_s=0, run_s=lambda _: next(rates)), PLAN, batch=1, clock=clock
    )
    figure = throughput_figure(series)
    assert figure.value == pytest.approx(1 / 0.015, rel=0.03)
    assert figure.interval[0] <= figure.value <= figure.interval[1]
    assert figure.n == 5
