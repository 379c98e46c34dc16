"""Memory: the peak while something runs, on the device by three counts, or of the whole process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from cvbench.record import Measurement

HOST_PROTOCOL = "memory/host/high-water of the whole process while timing"
CUDA_PROTOCOL = "memory/cuda/max_memory_allocated while timing"
RESERVED_PROTOCOL = "memory/cuda/max_memory_reserved while timing"
DRIVER_PROTOCOL = "memory/cuda/used on the device by all, as the driver tells, after timing"


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


def peak_memory(device: torch.device, *, at: str, was_reset: bool) -> list[Measurement]:
    """The memory peak since `reset_peak`, or the reason why it cannot be told."""
    return list(_on_gpu(device, at) if device.type == "cuda" else _on_host(at, was_reset=was_reset))


def _on_gpu(device: torch.device, at: str) -> Iterator[Measurement]:
    free, total = torch.cuda.mem_get_info(device)
    yield _figure("peak_memory", at, torch.cuda.max_memory_allocated(device), CUDA_PROTOCOL)
    yield _figure("peak_memory_reserved", at, torch.cuda.max_memory_reserved(device), RESERVED_PROTOCOL)
    yield _figure("peak_memory_driver", at, total - free, DRIVER_PROTOCOL)


def _on_host(at: str, *, was_reset: bool) -> Iterator[Measurement]:
    reason = None if was_reset else "this system does not let a process reset its memory high-water mark"
    value = _high_water() if was_reset else None
    if value is None and reason is None:
        reason = "this system does not tell a process's high-water mark"
    yield _figure("peak_memory", at, value, HOST_PROTOCOL, reason)


def _figure(name: str, at: str, value: int | None, rule: str, reason: str | None = None) -> Measurement:
    return Measurement(
        name=name, at=at, value=value, missing=reason, unit="bytes", direction="lower", protocol=rule
    )


def _high_water() -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
