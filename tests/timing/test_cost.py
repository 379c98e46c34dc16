import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cvbench.record import Measurement
from cvbench.timing.cost import (
    DATA_SHEETS,
    Cost,
    Roofline,
    cost_figures,
    cost_of,
    count_macs,
    roofline,
    use_figures,
)


def test_a_convolution_is_counted_by_hand():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 10))
    cost = cost_of(net, torch.zeros(1, 3, 4, 4))
    assert cost.macs == 16 * 8 * 27 + 128 * 10  # pixels x filters x taps, then the matrix
    assert cost.flops == 2 * cost.macs
    assert cost.weight_bytes == 4 * (8 * 27 + 8 + 1280 + 10)
    assert cost.activation_bytes == 4 * (128 + 128 + 128 + 10)
    assert cost.traffic_bytes == 4 * (48 + 10)


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (nn.Conv2d(4, 8, 3, groups=2, stride=2, padding=1), (2, 4, 9, 9)),
        (nn.ConvTranspose2d(4, 8, 2, stride=2), (2, 4, 5, 5)),
        (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3, bias=False)), (2, 7, 6)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 5, 8)),
    ],
    ids=["convolution", "transposed", "linear", "attention"],
)
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.enable_grad])
def test_as_many_are_counted_as_torchs_own_counter_counts(net, shape, mode):
    with mode():
        with FlopCounterMode(display=False) as oracle:
            net(torch.ones(shape))
        assert count_macs(lambda: net(torch.ones(shape))) == oracle.get_total_flops() // 2 > 0


@pytest.mark.full
def test_counting_imports_no_compiler():
    program = """
import sys, torch
from cvbench.timing.cost import count_macs
from torch import nn
net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
assert count_macs(lambda: net(torch.zeros(1, 3, 4, 4))) == 4 * 4 * 27 + 32
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_counting_leaves_no_hooks():
    net = nn.Sequential(nn.Linear(2, 2))
    cost_of(net, torch.zeros(1, 2))
    assert not net[0]._forward_hooks


def test_weights_are_read_once_a_batch():
    cost = Cost(macs=50, activation_bytes=0, weight_bytes=80, traffic_bytes=20)
    assert cost.intensity(1) == 1.0
    assert cost.intensity(4) == pytest.approx(400 / 160)


def rate(value, batch=4):
    return Measurement(
        name="throughput", at=f"batch={batch}", value=value, missing=None if value else "oom",
        unit="images/s", direction="higher", protocol="t",
    )  # fmt: skip


def used(value, *, gpu=None, precision="fp32", macs=500):
    cost = Cost(macs=macs, activation_bytes=0, weight_bytes=80, traffic_bytes=20)
    best = Roofline(flops_per_s=1e6, bytes_per_s=1e6)
    return {f.name: f for f in use_figures(cost, [rate(value)], best, gpu=gpu, precision=precision)}


def test_the_share_of_the_peak_is_flops_times_images_over_it():
    assert used(100.0)["mfu_measured"].value == pytest.approx(1000 * 100 / 1e6)


def test_more_than_the_peak_is_a_mistake_and_is_said():
    figure = used(2000.0)["mfu_measured"]
    assert figure.value is None
    assert figure.missing == "2.00 of the peak is impossible: the count, the clock or the peak is wrong"


def test_the_data_sheets_peak_is_that_of_the_math_that_is_used():
    fp32, bf16 = (
        used(100.0, gpu="NVIDIA H100 80GB HBM3", precision=precision, macs=50_000_000_000)["mfu"].value
        for precision in ("fp32", "bf16")
    )
    assert fp32 == pytest.approx(100 * 1e11 / 66.9e12)
    assert bf16 == pytest.approx(100 * 1e11 / 989.4e12)
    assert "mfu" not in used(100.0, gpu="an unknown card")


@pytest.mark.parametrize(
    ("gpu", "clock_ghz", "cores", "tensor_clock_ghz", "tensor_units"),
    [
        # boost clock, FP32 cores; clock of the tensor cores, half-precision multiply-adds a clock
        ("H100 80GB HBM3", 1.980, 16896, 1.830, 528 * 512),
        ("H200", 1.980, 16896, 1.830, 528 * 512),
        ("A100-SXM", 1.410, 6912, 1.410, 432 * 256),
        ("V100-SXM2", 1.530, 5120, 1.530, 640 * 64),
        ("Tesla T4", 1.590, 2560, 1.590, 320 * 64),
    ],
)
def test_the_data_sheets_peaks_are_units_times_clock(gpu, clock_ghz, cores, tensor_clock_ghz, tensor_units):
    peaks = DATA_SHEETS[gpu]
    half = 2 * tensor_units * tensor_clock_ghz * 1e9
    assert peaks["fp32"] == pytest.approx(2 * cores * clock_ghz * 1e9, rel=0.006)
    assert peaks["fp16"] == pytest.approx(half, rel=0.004)
    assert peaks.get("bf16", peaks["fp16"]) == peaks["fp16"]
    assert peaks.get("tf32", half / 2) == pytest.approx(half / 2, rel=0.004)


def test_what_has_no_rate_or_no_count_has_no_share():
    assert used(None) == {}
    assert used(100.0, macs=0) == {}
    assert cost_figures(Cost(0, 1, 1, 1)) == []


def test_this_machines_roofline_is_measured():
    best = roofline(torch.device("cpu"), torch.float32, wait=lambda: None, seconds=0.01)
    assert best.flops_per_s > 1e8
    assert best.bytes_per_s > 1e7
    assert [figure.name for figure in best.figures()] == ["matmul_rate", "copy_rate"]
