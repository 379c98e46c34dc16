"""What only a GPU shows: kernels that last for a known number of cycles, and what our device sees of them."""

import numpy as np
import pytest
import torch

from cvbench.runner.out_of_memory import is_out_of_memory
from cvbench.spec.cell import LatencyPlan, ThroughputPlan
from cvbench.timing.instruments import Instruments
from cvbench.timing.latency import measure_latency
from cvbench.timing.memory import TorchDevice, peak_memory, reset_peak
from cvbench.timing.throughput import measure_throughput

pytestmark = pytest.mark.gpu
CYCLES = 20_000_000
"""About 10 ms at 2 GHz."""


@pytest.fixture(scope="module")
def device():
    return torch.device("cuda")


@pytest.fixture
def instruments(device):
    return Instruments(device=TorchDevice(device))


def sleeping(cycles):
    """A kernel that spins on the GPU; starting it takes microseconds."""
    return lambda _: torch.cuda._sleep(cycles)


def timed(call, instruments):
    """Medians in seconds, by the host and by the device."""
    plan = LatencyPlan(warmup=0.1, duration=1, iterations=40)
    host, events = measure_latency(call, plan, instruments=instruments)
    return float(np.median(host.values)), float(np.median(events.values))


def test_time_on_the_device_grows_with_the_cycles_and_with_nothing_else(instruments):
    cycles = CYCLES * np.array([1, 2, 4, 8, 16])
    seconds = np.array([timed(sleeping(int(n)), instruments)[1] for n in cycles])
    slope, intercept = np.polyfit(cycles, seconds, 1)
    assert np.corrcoef(cycles, seconds)[0, 1] ** 2 > 0.9999
    assert abs(intercept) < 0.01 * seconds[0]
    clock_hz = torch.cuda.clock_rate() * 1e6
    assert 1 / slope == pytest.approx(clock_hz, rel=0.02)


def test_the_host_sees_all_of_an_asynchronous_kernel(instruments):
    host, events = timed(sleeping(CYCLES), instruments)
    assert host >= events


def test_a_window_waits_for_all_that_it_started(instruments):
    plan = ThroughputPlan(warmup=0.1, window=0.5, windows=3)
    series = measure_throughput(sleeping(CYCLES), plan, batch=1, instruments=instruments)
    _, seconds = timed(sleeping(CYCLES), instruments)
    assert float(np.median(series.values)) <= 1.02 / seconds


def test_memory_asked_of_the_driver_is_counted(device, instruments):
    torch.cuda.empty_cache()
    before = instruments.device.counters().allocations
    kept = torch.empty(64 << 20, dtype=torch.uint8, device=device)
    assert instruments.device.counters().allocations > before
    del kept


def test_the_peak_is_what_was_allocated_at_once(device):
    torch.cuda.empty_cache()
    was_reset = reset_peak(device)
    before = torch.cuda.memory_allocated(device)
    kept = torch.empty(64 << 20, dtype=torch.uint8, device=device)
    del kept
    found = {figure.name: figure.value for figure in peak_memory(device, at="batch=1", was_reset=was_reset)}
    assert found["peak_memory"] == before + (64 << 20)
    assert found["peak_memory_driver"] >= found["peak_memory_reserved"] >= found["peak_memory"]


def test_what_does_not_fit_is_known_as_out_of_memory(device):
    _, total = torch.cuda.mem_get_info(device)
    with pytest.raises(torch.cuda.OutOfMemoryError) as caught:
        torch.empty(2 * total, dtype=torch.uint8, device=device)
    assert is_out_of_memory(caught.value)
