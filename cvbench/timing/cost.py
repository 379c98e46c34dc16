"""Operations and bytes of a call, and the hardware limits (measured): the two sides of a roofline."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from cvbench.record import Measurement

MACS_PROTOCOL = "macs/torch-flop-counter/2: convolutions and matrix products"
FLOPS_PROTOCOL = "flops/torch-flop-counter: two a multiply-add; convolutions and matrix products"
BYTES_PROTOCOL = "bytes/weights, input and outputs once each: a lower bound of the traffic"
MATMUL_PROTOCOL = "roofline/one large matrix product, normal data, best of several"
COPY_PROTOCOL = "roofline/one large copy, read and written, best of several"
MFU_PROTOCOL = "mfu/flops of the net times images a second over the rate of a large matrix product"
SHEET_PROTOCOL = "mfu/flops of the net times images a second over the data sheet's dense peak"

# Dense peaks in FLOP/s, without sparsity; each is two times the units, times what a unit does in a clock,
# times the boost clock, by which the tests check them. H100 SXM: NVIDIA H100 data sheet (67; 989 and 1,979
# with sparsity, which are twice the dense rates), to the digits of the Hopper white paper. H200 SXM: the same
# chip with as many units at the same clocks, and other memory. A100 SXM: NVIDIA A100 data sheet, 1758950.
# V100 SXM2: NVIDIA, Programming Tensor Cores in CUDA 9 (125), and the Volta white paper (15.7). T4: NVIDIA T4
# data sheet.
DATA_SHEETS = {
    "H100 80GB HBM3": {"fp32": 66.9e12, "tf32": 494.7e12, "bf16": 989.4e12, "fp16": 989.4e12},
    "H200": {"fp32": 66.9e12, "tf32": 494.7e12, "bf16": 989.4e12, "fp16": 989.4e12},
    "A100-SXM": {"fp32": 19.5e12, "tf32": 156e12, "bf16": 312e12, "fp16": 312e12},
    "V100-SXM2": {"fp32": 15.7e12, "fp16": 125e12},
    "Tesla T4": {"fp32": 8.1e12, "fp16": 65e12},
}


class Cost(NamedTuple):
    """Operations and bytes per image."""

    macs: int
    activation_bytes: int
    """Bytes of the outputs of all leaf modules."""
    weight_bytes: int
    traffic_bytes: int
    """Bytes of the model's input and outputs; with the weights, the least memory traffic."""

    @property
    def flops(self) -> int:
        """Floating-point operations: two per multiply-accumulate."""
        return 2 * self.macs

    def intensity(self, batch: int) -> float:
        """Arithmetic intensity in FLOP/byte, an upper bound: weights are read once per batch."""
        return batch * self.flops / (self.weight_bytes + batch * self.traffic_bytes)


def count_macs(call: Callable[[], object]) -> int:
    """Multiply-accumulates of one call: half of the floating-point operations by torch's formulas."""
    counted = _Counting()
    with counted:
        call()
    return counted.flops // 2


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sums up torch's formulas over the operators that a call comes down to, as its FlopCounterMode does.

    That one imports torch's compiler before it counts, which takes seconds in every fresh process.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops: int = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Do not be hidden from the compiler: hiding is what imports it."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        operator = getattr(func, "overloadpacket", func)
        if operator not in flop_registry:
            if operator is func:  # of a higher order: what it runs is out of sight, and torch says so
                return NotImplemented
            if func is not torch.ops.prim.device.default:
                with self:
                    parts = func.decompose(*args, **kwargs)
                if parts is not NotImplemented:
                    return parts
        output = func(*args, **kwargs)
        if operator in flop_registry:
            self.flops += int(flop_registry[operator](*args, **kwargs, out_val=output))
        return output


def cost_of(net: nn.Module, image: Tensor) -> Cost:
    """The cost of one image, given as a batch of one, in the precision in which it comes."""
    sizes: list[int] = []
    outputs: list[Any] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        sizes.append(_bytes_in(output))

    with torch.inference_mode(), ExitStack() as hooks:
        for module in net.modules():
            if not list(module.children()):
                hooks.callback(module.register_forward_hook(keep).remove)
        macs = count_macs(lambda: outputs.append(net(image)))
    weights = sum(t.numel() * t.element_size() for t in (*net.parameters(), *net.buffers()))
    return Cost(macs, sum(sizes), weights, _bytes_in(image) + _bytes_in(outputs))


def _bytes_in(output: Any) -> int:
    leaves = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
    return sum(leaf.numel() * leaf.element_size() for leaf in leaves)


def cost_figures(cost: Cost) -> list[Measurement]:
    """As a record holds them."""
    if not cost.macs:
        return []
    told = [
        ("macs", cost.macs, "MACs", MACS_PROTOCOL),
        ("flops", cost.flops, "FLOPs", FLOPS_PROTOCOL),
        ("weight_bytes", cost.weight_bytes, "bytes", BYTES_PROTOCOL),
        ("activation_bytes", cost.activation_bytes, "bytes", "bytes/outputs of all leaf modules"),
    ]
    return [
        Measurement(name=name, value=value, unit=unit, direction="lower", protocol=rule)
        for name, value, unit, rule in told
    ]


class Roofline(NamedTuple):
    """What the device does at best, measured."""

    flops_per_s: float
    bytes_per_s: float

    def figures(self) -> list[Measurement]:
        """As a record holds them."""
        return [
            Measurement(name=name, value=value, unit=unit, direction="higher", protocol=rule)
            for name, value, unit, rule in (
                ("matmul_rate", self.flops_per_s, "FLOP/s", MATMUL_PROTOCOL),
                ("copy_rate", self.bytes_per_s, "bytes/s", COPY_PROTOCOL),
            )
        ]


def roofline(
    device: torch.device, dtype: torch.dtype, *, wait: Callable[[], None], seconds: float = 0.3
) -> Roofline:
    """Time a large matrix product and a large copy, for so long each."""
    side = 8192 if device.type == "cuda" else 1024
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    source = torch.randn((1 << 28 if device.type == "cuda" else 1 << 24), device=device)
    target = torch.empty_like(source)
    product_s = _best(lambda: a @ b, wait, seconds)
    copy_s = _best(lambda: target.copy_(source), wait, seconds)
    return Roofline(2 * side**3 / product_s, 2 * source.numel() * source.element_size() / copy_s)


def _best(call: Callable[[], object], wait: Callable[[], None], seconds: float) -> float:
    """The least time of a call: the device's rate without disturbances."""
    times: list[float] = []
    call()
    wait()
    start = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        call()
        wait()
        times.append(time.perf_counter() - before)
    return min(times)


def use_figures(
    cost: Cost, rates: list[Measurement], best: Roofline, *, gpu: str | None, precision: str
) -> list[Measurement]:
    """For each throughput: arithmetic intensity, and the share of the hardware limit that was reached.

    A share above 1 would mean that the count or the clock is wrong: it is missing, with that reason.
    """
    found = []
    for rate in rates:
        if rate.value is None or not cost.macs:
            continue
        batch = int(rate.at.removeprefix("batch="))
        reached = cost.flops * rate.value
        found.append(
            _figure("arithmetic_intensity", rate.at, cost.intensity(batch), BYTES_PROTOCOL, "FLOP/byte")
        )
        found.append(_share("mfu_measured", rate.at, reached / best.flops_per_s, MFU_PROTOCOL))
        sheet = next((peaks for name, peaks in DATA_SHEETS.items() if gpu and name in gpu), {}).get(precision)
        if sheet is not None:
            found.append(_share("mfu", rate.at, reached / sheet, SHEET_PROTOCOL))
    return found


def _figure(name: str, at: str, value: float, rule: str, unit: str) -> Measurement:
    return Measurement(name=name, at=at, value=value, unit=unit, direction="higher", protocol=rule)


def _share(name: str, at: str, value: float, rule: str) -> Measurement:
    reason = None
    if value > 1:
        reason = f"{value:.2f} of the peak is impossible: the count, the clock or the peak is wrong"
    return Measurement(
        name=name,
        at=at,
        value=None if reason else value,
        missing=reason,
        unit="fraction",
        direction="higher",
        protocol=rule,
    )
