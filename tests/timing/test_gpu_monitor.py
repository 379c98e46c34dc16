"""The GPU's state, told by a stand-in for NVML: heat, power, neighbours, and a device that goes away."""

import json
import os
from types import SimpleNamespace

import pytest

from cvbench.spec.cell import LatencyPlan
from cvbench.timing.gpu_monitor import GpuMonitor
from cvbench.timing.gpu_sampler import GpuSample, follow, look
from cvbench.timing.latency import latency_figures, measure_latency
from tests.timing.simulated import SimulatedClock, instruments


class NvmlError(Exception):
    pass


class Nvml:
    """What pynvml gives, of one device."""

    NVMLError = NvmlError
    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self, looks=3):
        self.looks = looks

    def nvmlDeviceGetClockInfo(self, handle, kind):  # noqa: N802
        self.looks -= kind == self.NVML_CLOCK_SM
        if self.looks < 0:
            raise NvmlError("GPU is lost")
        return 1980 if kind == self.NVML_CLOCK_SM else 2619

    def nvmlDeviceGetTemperature(self, handle, sensor):  # noqa: N802
        return 61

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        return 412_500

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):  # noqa: N802
        return 0x04

    def nvmlDeviceGetUtilizationRates(self, handle):  # noqa: N802
        return SimpleNamespace(gpu=97)

    def nvmlDeviceGetComputeRunningProcesses(self, handle):  # noqa: N802
        return [SimpleNamespace(pid=os.getpid())]


def test_a_look_is_in_our_units_and_old_drivers_are_understood():
    found = look(Nvml(), None)
    assert (found.sm_mhz, found.memory_mhz, found.celsius, found.watts) == (1980, 2619, 61, 412.5)
    assert (found.reasons, found.utilisation, found.pids) == (4, 0.97, (os.getpid(),))


def followed(folder, nvml, *, parent):
    path = folder / "gpu.jsonl"
    with path.open("w") as file:
        follow(nvml, None, file, parent=parent)
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_sampler_writes_a_line_a_look_and_says_why_it_gave_up(monkeypatch, tmp_path):
    monkeypatch.setattr("time.sleep", lambda _: None)
    lines = followed(tmp_path, Nvml(looks=2), parent=os.getppid())
    assert [line.get("watts") for line in lines] == [412.5, 412.5, None]
    assert lines[-1] == {"error": "GPU is lost"}


def test_the_sampler_ends_with_its_parent(tmp_path):
    assert followed(tmp_path, Nvml(), parent=-1) == []


class Script:
    """A sampler's file, written by hand on a simulated clock."""

    def __init__(self, folder, clock):
        self.file = folder / "gpu.jsonl"
        self.file.touch()
        self.clock = clock
        self.monitor = GpuMonitor(self.file, frozenset({7}), now_ns=clock.now_ns)

    def say(self, *, sm_mhz=1980.0, reasons=0, pids=(7,), at_ns=None):
        when = self.clock.now_ns() if at_ns is None else at_ns
        sample = GpuSample(when, sm_mhz, 2619, 61, 400, reasons, 1.0, pids)
        with self.file.open("a") as file:
            file.write(json.dumps(vars(sample)) + "\n")

    def lose(self):
        with self.file.open("a") as file:
            file.write('{"error": "GPU is lost"}\n')


@pytest.fixture
def script(tmp_path):
    return Script(tmp_path, SimulatedClock())


@pytest.mark.parametrize(
    ("said", "taints"),
    [
        ({}, ()),
        ({"reasons": 0x04}, ()),
        ({"reasons": 0x01}, ()),
        ({"reasons": 0x08}, ("the hardware slowed its clock",)),
        (
            {"reasons": 0x60},
            ("the driver slowed the clock for heat", "the hardware slowed its clock for heat"),
        ),
        ({"reasons": 0x84}, ("the power supply asked for less",)),
        ({"pids": (7, 8)}, ("another process was on the GPU",)),
        ({"pids": (4711,)}, ()),  # ourselves, seen from inside a container
        ({"pids": (4711, 4712)}, ("another process was on the GPU",)),
    ],
)
def test_what_taints_a_slice_is_named(script, said, taints):
    script.monitor.begin()
    script.say(**said)
    assert script.monitor.end().taints == taints


def test_what_was_before_a_slice_does_not_taint_it(script):
    script.say(reasons=0x40)
    script.clock.host_ns += 10
    script.monitor.begin()
    script.say()
    assert script.monitor.end().taints == ()


def test_the_clock_has_settled_when_two_seconds_agree(script):
    def second(start, mhz):
        for tenth in range(10):
            script.say(sm_mhz=mhz, at_ns=round((start + tenth / 10) * 1e9))
        script.clock.host_ns = round((start + 1) * 1e9)

    second(0, 1400)
    assert not script.monitor.has_settled()
    second(1, 1980)
    assert not script.monitor.has_settled()
    second(2, 1985)
    assert script.monitor.has_settled()


def test_the_share_under_the_power_cap_is_told(script):
    script.monitor.begin()
    script.say(reasons=0x04)
    script.say()
    script.monitor.end()
    assert script.monitor.summary()["timing_power_cap_share"] == 0.5


def test_a_gpu_that_goes_away_ends_in_no_figure_and_its_reason(script):
    clock = script.clock
    call = clock.work(launch_s=0, run_s=lambda _: 1e-3)
    script.lose()
    plan = LatencyPlan(warmup=0.1, duration=100, iterations=4000)
    [series] = measure_latency(call, plan, instruments=instruments(clock, script.monitor))
    figure = latency_figures(series)[0]
    assert figure.value is None
    assert "the GPU could not be monitored (GPU is lost)" in figure.missing
