"""What a call costs before any clock runs: parameters, multiply-accumulates, memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from cvbench.record import Measurement

MACS_PROTOCOL = "macs/torch-flop-counter/2: convolutions and matrix products"
HOST_PROTOCOL = "memory/host/high-water of the whole process while timing"
CUDA_PROTOCOL = "memory/cuda/max_memory_allocated while timing"


def count_macs(call: Callable[[], object]) -> int:
    """Multiply-accumulates of one call: half of the floating-point operations torch counts."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops() // 2)


def reset_peak(device: torch.device) -> bool:
    """Forget the memory peak so far; False where the system does not allow it."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return True
    try:
        # Linux: 5 resets the high-water mark of the resident set
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def peak_memory(device: torch.device, *, at: str, was_reset: bool) -> Measurement:
    """The memory peak since `reset_peak`, or the reason why it cannot be told."""
    on_gpu = device.type == "cuda"
    value: int | None = None
    missing = None
    if on_gpu:
        value = torch.cuda.max_memory_allocated(device)
    elif not was_reset:
        missing = "this system does not let a process reset its memory high-water mark"
    else:
        value = _host_high_water()
        missing = None if value is not None else "this system does not tell a process's high-water mark"
    return Measurement(
        name="peak_memory",
        at=at,
        value=value,
        missing=missing,
        unit="bytes",
        direction="lower",
        protocol=CUDA_PROTOCOL if on_gpu else HOST_PROTOCOL,
    )


def _host_high_water() -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
