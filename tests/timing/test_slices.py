"""Tainted slices are measured again within limits; beyond them there is only a reason."""

import itertools

import numpy as np
import pytest

from cvbench.spec.cell import LatencyPlan, ThroughputPlan
from cvbench.timing.instruments import Counters, SliceConditions
from cvbench.timing.latency import latency_figures, measure_latency
from cvbench.timing.throughput import measure_throughput, throughput_figure
from tests.timing.simulated import ScriptedMonitor, SimulatedClock, instruments

HOT = SliceConditions(taints=("the hardware slowed its clock for heat",))
BUSY = SliceConditions(disturbances=("other processes used the CPU",))
PLAN = LatencyPlan(warmup=0.1, duration=100, iterations=4000)  # twenty slices of 0.2 s


def taken(script, *, plan=PLAN, change=None):
    clock = SimulatedClock()
    work = clock.work(launch_s=0, run_s=lambda _: 1e-3)

    def call(number):
        work(number)
        if change is not None:
            change(clock, number)

    [series] = measure_latency(call, plan, instruments=instruments(clock, ScriptedMonitor(script)))
    return series, clock


def p50(series):
    return latency_figures(series)[0]


def test_a_tainted_slice_is_taken_anew_after_a_rest():
    series, clock = taken([SliceConditions(), HOT, HOT])
    assert len(series.accepted) == 4000
    assert (~series.valid).sum() == 400
    assert clock.rested_s == [1.0, 2.0]
    assert p50(series).value == pytest.approx(1e-3)
    said = "2 of 22 slices were measured again: the hardware slowed its clock for heat (2)"
    assert series.cautions == (said,)


def test_where_too_many_are_tainted_there_is_no_figure_and_the_reason_is_given():
    series, _ = taken(itertools.repeat(HOT))
    assert p50(series).value is None
    assert p50(series).missing == ("3 of 3 slices were tainted: the hardware slowed its clock for heat (3)")
    assert len(series.values) == 600  # what was seen is kept


def test_disturbed_slices_are_kept_and_told():
    series, _ = taken([BUSY, BUSY, SliceConditions()])
    assert series.valid is None
    assert series.cautions == ("2 of 20 slices were disturbed: other processes used the CPU (2)",)


def test_where_most_are_disturbed_absolute_figures_are_called_in_question():
    series, _ = taken(itertools.repeat(BUSY))
    assert series.cautions[0].endswith("absolute values on this machine are unreliable")
    assert p50(series).value is not None


def compile_at(*numbers):
    def change(clock, number):
        if number in numbers:
            clock.counted = clock.counted._replace(compiles=clock.counted.compiles + 1)

    return change


@pytest.mark.full
def test_one_compilation_in_a_slice_costs_the_slice_and_a_second_one_the_series():
    once, _ = taken([], change=compile_at(1000))
    twice, _ = taken([], change=compile_at(1000, 3000))
    assert p50(once).value is not None
    assert once.cautions == ("1 of 21 slices were measured again: something was compiled (1)",)
    assert p50(twice).missing == "it was compiled again while it was timed, twice"


@pytest.mark.full
def test_memory_asked_of_the_driver_costs_the_slice_and_memory_given_back_the_series():
    def grow(clock, number):
        if number == 1000:
            clock.counted = Counters(allocations=1)

    def retry(clock, number):
        if number == 1000:
            clock.counted = Counters(retries=1)

    assert (~taken([], change=grow)[0].valid).sum() == 200
    assert "memory ran short" in p50(taken([], change=retry)[0]).missing


@pytest.mark.full
def test_windows_of_throughput_are_judged_alike():
    def windows(script):
        clock = SimulatedClock()
        plan = ThroughputPlan(warmup=0.1, window=1.0, windows=5)
        call = clock.work(launch_s=0, run_s=lambda _: 0.01)
        return measure_throughput(
            call, plan, batch=1, instruments=instruments(clock, ScriptedMonitor(script))
        )

    assert len(windows([HOT]).values) == 6
    assert throughput_figure(windows([HOT])).n == 5
    assert throughput_figure(windows(itertools.repeat(HOT))).missing.startswith("3 of 3 slices were tainted")


def jump(seconds, *, at):
    def change(clock, number):
        if number == at:
            clock.jump(seconds)

    return change


def test_a_clock_that_goes_back_costs_the_slice():
    series, _ = taken([], change=jump(-0.05, at=1000))
    assert (series.accepted > 0).all()
    assert p50(series).value == pytest.approx(1e-3)
    assert series.cautions == ("1 of 21 slices were measured again: the clock moved backwards (1)",)


def test_a_clock_that_goes_back_all_the_time_gives_no_figure():
    def change(clock, number):
        if number % 150 == 0:
            clock.jump(-0.002)

    series, _ = taken([], change=change)
    assert p50(series).missing.startswith("3 of 3 slices were tainted: the clock moved backwards (3)")


def test_a_clock_that_jumps_ahead_moves_no_median_and_is_told():
    series, _ = taken([], change=jump(3600, at=2000), plan=PLAN.model_copy(update={"duration": 1e6}))
    assert p50(series).value == pytest.approx(1e-3)
    [said] = series.cautions
    assert said.endswith("the clock jumped, or the process was paused (1)")


def test_a_window_during_which_the_clock_went_back_is_taken_anew():
    clock, plan = SimulatedClock(), ThroughputPlan(warmup=0.1, window=1.0, windows=5)
    work, moved = clock.work(launch_s=0, run_s=lambda _: 0.01), jump(-3600, at=150)

    def call(number):
        work(number)
        moved(clock, number)

    series = measure_throughput(call, plan, batch=1, instruments=instruments(clock))
    assert throughput_figure(series).value == pytest.approx(100)
    assert "the clock moved backwards (1)" in series.cautions[0]


def test_values_are_never_averaged_over_tainted_slices():
    series, _ = taken([HOT])
    assert np.array_equal(series.accepted, series.values[series.valid])
