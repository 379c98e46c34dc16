"""Energy by a simulated counter: its wraps, what idleness takes, and a counter that is none."""

import itertools

import numpy as np
import pytest

from cvbench.spec.cell import EnergyPlan
from cvbench.timing.energy import CounterLost, Unwrapped, energy_figures, measure_energy, no_energy
from cvbench.timing.energy_counters import Rapl, gpu_counter, processor_counter
from cvbench.timing.figures import figures_of
from cvbench.timing.series import Series, joined
from tests.timing.simulated import SimulatedClock, instruments

PLAN = EnergyPlan(batch=4, warmup=0.1, window=10.0, windows=3)
IDLE_W, BUSY_W, STEP_S = 50.0, 200.0, 0.02


class Counter:
    """Joules of a simulated machine, which works or rests; it starts anew at `span`."""

    covers = "a simulated machine"

    def __init__(self, clock, *, span=None, lost_after=None):
        self.clock, self.span, self.lost_after, self.asked = clock, span, lost_after, 0
        self.busy_ns = 0
        self._unwrapped = Unwrapped(self.microjoules, unit_j=1e-6, span=span)

    def microjoules(self):
        self.asked += 1
        if self.lost_after is not None and self.asked > self.lost_after:
            raise CounterLost("the device is gone")
        watts_ns = IDLE_W * (self.clock.now_ns() - self.busy_ns) + BUSY_W * self.busy_ns
        total = round(watts_ns * 1e-3)
        return total if self.span is None else total % self.span

    def joules(self):
        return self._unwrapped.joules()


def taken(**options):
    clock = SimulatedClock()
    counter = Counter(clock, **options)
    work = clock.work(launch_s=0, run_s=lambda _: STEP_S)

    def call(number):
        counter.busy_ns += round(STEP_S * 1e9)
        work(number)

    series = measure_energy(call, PLAN, counter=counter, instruments=instruments(clock))
    return {figure.name: figure for figure in figures_of(series)}, series


def test_joules_an_image_are_told_with_and_without_what_idleness_takes():
    figures, _ = taken()
    assert figures["energy_per_image"].value == pytest.approx(BUSY_W * STEP_S / 4)
    assert figures["energy_per_image_above_idle"].value == pytest.approx((BUSY_W - IDLE_W) * STEP_S / 4)
    assert figures["power"].value == pytest.approx(BUSY_W)
    assert figures["idle_power"].value == pytest.approx(IDLE_W)
    assert (figures["energy_per_image"].n, figures["energy_per_image"].unit) == (3, "J")


SPAN = 2_100_000_000
"""Microjoules; a window takes 2000 J, so the counter starts anew in nearly every one."""


@pytest.mark.full
def test_a_counter_that_starts_anew_on_the_way_changes_nothing():
    wrapping, plain = taken(span=SPAN)[0], taken()[0]
    assert {name: figure.value for name, figure in wrapping.items()} == pytest.approx(
        {name: figure.value for name, figure in plain.items()}
    )


def test_a_harness_that_does_not_know_of_that_is_found_out_by_the_test_above(monkeypatch):
    monkeypatch.setattr(Unwrapped, "joules", lambda self: self._read() * 1e-6)
    assert taken(span=SPAN)[0]["energy_per_image"].value != pytest.approx(BUSY_W * STEP_S / 4)


def test_a_counter_without_a_span_that_goes_back_is_lost():
    with pytest.raises(CounterLost, match="the energy counter moved backwards"):
        Unwrapped(iter([5, 4]).__next__, unit_j=1.0, span=None).joules()


def test_a_counter_that_goes_away_leaves_no_figure_and_its_reason():
    figures, _ = taken(lost_after=6)
    figure = figures["energy_per_image"]
    assert (figure.value, figure.missing) == (None, "a simulated machine: the device is gone")
    assert figures["idle_power"].missing == "a simulated machine: the device is gone"


def test_work_that_the_counter_does_not_see_is_said():
    at = {"at": "batch=4", "warmup_calls": 0}
    energy, power, idle = (
        Series("energy_per_image", unit="J", values=np.array([1.0, 1.1, 1.2]), **at),
        Series("power", unit="W", values=np.array([50.0, 51.0, 49.0]), **at),
        Series("idle_power", unit="W", values=np.array([60.0]), **at),
    )
    above = {figure.name: figure for figure in energy_figures([energy, power, idle])}
    assert above["energy_per_image"].value is not None
    assert above["energy_per_image_above_idle"].missing == (
        "no more power under load than at rest (60.0 W): the counter does not see the work"
    )


@pytest.mark.full
def test_of_several_processes_each_is_one_observation():
    parts = [taken()[1] for _ in range(3)]
    series = [joined(list(enumerate(same))) for same in zip(*parts, strict=True)]
    figures = {figure.name: figure for figure in figures_of(series)}
    assert figures["energy_per_image"].n == 3
    assert figures["energy_per_image"].protocol.endswith("/rounds")


def test_it_is_told_and_never_gated():
    _, series = taken()
    assert series[0].cautions[0].startswith("energy is reported but not checked")


@pytest.fixture
def powercap(tmp_path):
    """RAPL's folders of a machine with two packages, one of which has a part of its own."""

    def write(name, *, folder, joules, span=100.0):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / "name").write_text(f"{name}\n")
        (place / "energy_uj").write_text(f"{round(joules * 1e6)}\n")
        (place / "max_energy_range_uj").write_text(f"{round(span * 1e6)}\n")

    def machine(first=90.0, second=5.0):
        write("package-0", folder="intel-rapl:0", joules=first)
        write("core", folder="intel-rapl:0:0", joules=first / 2)
        write("package-1", folder="intel-rapl:1", joules=second)
        return tmp_path

    return machine


def test_the_packages_of_a_processor_are_summed_and_no_part_counts_twice(powercap):
    counter = processor_counter(powercap(first=90.0, second=5.0))
    assert isinstance(counter, Rapl)
    powercap(first=10.0, second=8.0)  # the first has started anew at 100 J
    assert counter.joules() == pytest.approx(20.0 + 3.0)
    assert counter.covers == "the processor's packages, by RAPL"


def test_a_machine_without_a_counter_says_so(tmp_path):
    assert processor_counter(tmp_path) == f"no energy counter: the system has none below {tmp_path}"


def test_a_counter_that_cannot_be_read_is_said(powercap):
    root = powercap()
    (root / "intel-rapl:0/energy_uj").write_text("denied\n")
    reason = processor_counter(root)
    assert reason.startswith("no energy counter may be read: ")
    assert "intel-rapl:0/energy_uj" in reason


class Nvml:
    NVMLError = type("NVMLError", (Exception,), {})

    def __init__(self, *millijoules):
        self._told = itertools.chain(millijoules, itertools.repeat(None))

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802
        told = next(self._told)
        if told is None:
            raise self.NVMLError("Not Supported")
        return told


def test_a_gpu_tells_millijoules():
    assert gpu_counter(Nvml(1_000, 3_500), None).joules() == 2.5


def test_a_gpu_without_a_counter_and_one_that_goes_away_say_so():
    assert gpu_counter(Nvml(), None) == "the GPU has no energy counter: Not Supported"
    counter = gpu_counter(Nvml(1_000), None)
    with pytest.raises(CounterLost, match="Not Supported"):
        counter.joules()


def test_where_there_is_no_counter_the_figure_is_missing_with_that_reason():
    figure = no_energy("batch=4", "no energy counter: the system has none")
    assert (figure.value, figure.missing) == (None, "no energy counter: the system has none")
