"""A step of training in its parts, on a simulated host and on a simulated device that runs behind it."""

import itertools

import numpy as np
import pytest

from cvbench.spec.cell import TrainStepPlan
from cvbench.timing.figures import figures_of
from cvbench.timing.instruments import SliceConditions
from cvbench.timing.throughput import measure_throughput
from cvbench.timing.training import LEAST, measure_step_parts
from tests.timing.simulated import ScriptedMonitor, SimulatedClock, instruments

SECONDS = {"forward": 2e-3, "backward": 5e-3, "update": 1e-3}


def taken(clock, *, launch_s=0.0, seconds=1.0, script=()):
    def part(run_s):
        return clock.work(launch_s=launch_s, run_s=lambda _: run_s)

    def on_host(run_s):
        def call(_):
            clock.host_ns += round(run_s * 1e9)

        return call

    make = part if clock.has_events else on_host
    return measure_step_parts(
        {name: make(run_s) for name, run_s in SECONDS.items()},
        at="batch=8",
        seconds=seconds,
        instruments=instruments(clock, ScriptedMonitor(script)),
    )


def test_each_part_has_its_seconds_on_a_host():
    for series, expected in zip(taken(SimulatedClock()), SECONDS.values(), strict=True):
        assert np.allclose(series.values, expected)


def test_a_device_marks_the_parts_and_is_waited_for_once_a_step():
    clock = SimulatedClock(has_events=True)
    found = taken(clock, launch_s=1e-5)
    for series, expected in zip(found, SECONDS.values(), strict=True):
        assert np.allclose(series.values, expected, atol=2e-5)  # the launch on an idle device
    assert clock.waits == 2 * len(found[0].values)  # before a step, and after


def test_a_host_clock_alone_would_see_the_launches_of_a_device_only():
    clock = SimulatedClock(has_events=True)
    clock.mark = lambda: None
    assert taken(clock, launch_s=1e-5)[1].values.max() < 1e-3 < SECONDS["backward"]


def test_slow_steps_are_looked_into_all_the_same():
    assert len(taken(SimulatedClock(), seconds=1e-6)[0].values) >= LEAST


def test_the_figures_are_medians_named_after_the_parts():
    figures = {figure.name: figure for figure in figures_of(taken(SimulatedClock()))}
    assert {name: figure.value for name, figure in figures.items()} == pytest.approx(
        {f"train_{name}_p50": seconds for name, seconds in SECONDS.items()}
    )
    assert all(figure.protocol.startswith("train-step/parts") for figure in figures.values())


def test_where_all_is_tainted_there_is_no_figure_and_the_reason_is_given():
    hot = SliceConditions(taints=("the hardware slowed its clock for heat",))
    figures = figures_of(taken(SimulatedClock(), script=itertools.repeat(hot)))
    assert {figure.value for figure in figures} == {None}
    assert "slices were tainted: the hardware slowed its clock for heat" in figures[0].missing


def test_steps_back_to_back_give_images_a_second():
    clock = SimulatedClock()
    call = clock.work(launch_s=0, run_s=lambda _: 0.02)
    plan = TrainStepPlan(batch=8, warmup=0.1, window=1.0, windows=10)
    series = measure_throughput(call, plan, batch=8, instruments=instruments(clock))
    assert np.allclose(series.values, 400)
