"""A torch device as the timing core sees it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch

from cvbench.timing.instruments import Counters


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
