"""Memory: the peak while something runs, on the device by three counts, or of the whole process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from cvbench.record import Measurement
from cvbench.timing.instruments import Counters

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
    """The memory peak since `reset_peak`, or the reason why it is missing."""
    return list(_on_gpu(device, at) if device.type == "cuda" else _on_host(at, was_reset=was_reset))


def _on_gpu(device: torch.device, at: str) -> Iterator[Measurement]:
    free, total = torch.cuda.mem_get_info(device)
    yield _figure("peak_memory", at, torch.cuda.max_memory_allocated(device), CUDA_PROTOCOL)
    yield _figure("peak_memory_reserved", at, torch.cuda.max_memory_reserved(device), RESERVED_PROTOCOL)
    yield _figure("peak_memory_driver", at, total - free, DRIVER_PROTOCOL)


def _on_host(at: str, *, was_reset: bool) -> Iterator[Measurement]:
    reason = None if was_reset else "this system does not let a process reset its peak memory"
    value = _high_water() if was_reset else None
    if value is None and reason is None:
        reason = "this system does not report a process's peak memory"
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


@dataclass(frozen=True)
class TorchDevice:
    """A CUDA device with its events, or the host, which never runs ahead."""

    device: torch.device

    def wait(self) -> None:
        """Block until the device has finished."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def mark(self, again: torch.cuda.Event | None = None) -> torch.cuda.Event | None:
        """An event on the current stream, which is the one that does the work."""
        if self.device.type != "cuda":
            return None
        event = _event() if again is None else again
        event.record(torch.cuda.current_stream(self.device))
        return event

    def seconds_between(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        """By the device's clock, whose resolution is about half a microsecond."""
        return float(start.elapsed_time(end)) * 1e-3

    def counters(self) -> Counters:
        """Graphs that torch.compile has made, and what CUDA's caching allocator had to do."""
        compiles = 0
        dynamo = sys.modules.get("torch._dynamo.utils")
        if dynamo is not None:
            compiles = int(dynamo.counters["stats"].get("unique_graphs", 0))
        if self.device.type != "cuda":
            return Counters(compiles)
        stats = torch.cuda.memory_stats(self.device)
        return Counters(compiles, stats.get("num_device_alloc", 0), stats.get("num_alloc_retries", 0))


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
