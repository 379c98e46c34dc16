"""Judges slices by the sampler's data on the GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cvbench.timing.gpu_sampler import GpuSample
from cvbench.timing.instruments import SliceConditions

TAINTS = {
    0x08: "the hardware slowed its clock",
    0x20: "the driver slowed the clock for heat",
    0x40: "the hardware slowed its clock for heat",
    0x80: "the power supply asked for less",
}
"""Bits of NVML's clocks-event reasons that make a slice worthless."""
POWER_CAP = 0x04
"""The bit of the software power cap: normal under load, so it is only reported."""
LEAST_LOOKS = 5
"""In a second, to say anything of its clock."""
SETTLED = 0.01
"""The mean clock of one second differs from that of the second before by less."""


@dataclass
class GpuMonitor:
    """Reads the sampler's lines."""

    file: Path
    own: frozenset[int]
    """The process ids that may be on the GPU."""
    now_ns: Callable[[], int] = time.perf_counter_ns
    samples: list[GpuSample] = field(default_factory=list)
    lost: str | None = None
    """Why the sampler gave up."""
    _read: int = 0
    _since_ns: int = 0

    def begin(self) -> None:
        """A slice begins."""
        self._since_ns = self.now_ns()

    def end(self) -> SliceConditions:
        """What made the slice worthless."""
        self._catch_up()
        during = [sample for sample in self.samples if sample.now_ns >= self._since_ns]
        return SliceConditions(taints=tuple(self._taints(during)))

    def has_settled(self) -> bool:
        """Whether the clock of the last second is that of the second before."""
        self._catch_up()
        if self.lost:
            return True
        now_ns = self.now_ns()
        last = [s.sm_mhz for s in self.samples if now_ns - s.now_ns < 1e9]
        before = [s.sm_mhz for s in self.samples if 1e9 <= now_ns - s.now_ns < 2e9]
        if min(len(last), len(before)) < LEAST_LOOKS:
            return False
        return bool(abs(np.mean(last) - np.mean(before)) <= SETTLED * np.mean(before))

    def summary(self) -> Mapping[str, float]:
        """Over everything that was seen."""
        if not self.samples:
            return {}
        return {
            "timing_sm_mhz": round(float(np.mean([s.sm_mhz for s in self.samples])), 1),
            "timing_celsius": max(s.celsius for s in self.samples),
            "timing_watts": round(float(np.mean([s.watts for s in self.samples])), 1),
            "timing_power_cap_share": round(
                float(np.mean([bool(s.reasons & POWER_CAP) for s in self.samples])), 3
            ),
        }

    def _taints(self, during: Sequence[GpuSample]) -> Iterator[str]:
        if self.lost:
            yield f"the GPU could not be monitored ({self.lost})"
        bits = 0
        for sample in during:
            bits |= sample.reasons
        yield from (text for bit, text in TAINTS.items() if bits & bit)
        if any(_external(sample.pids, self.own) for sample in during):
            yield "another process was on the GPU"

    def _catch_up(self) -> None:
        with self.file.open("rb") as file:
            file.seek(self._read)
            content = file.read()
        whole, newline, _ = content.rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for line in whole.splitlines():
            found = json.loads(line)
            if "error" in found:
                self.lost = found["error"]
            else:
                self.samples.append(GpuSample(**{**found, "pids": tuple(found["pids"])}))


def _external(pids: Sequence[int], own: frozenset[int]) -> bool:
    """Whether a process that is not ours is there; a single one that bears another name is taken for ours.

    In a container NVML tells the ids of the host, so our own is not known by its number there.
    """
    others = set(pids) - own
    return bool(others) and not (len(pids) == 1 and not set(pids) & own)


def why_not() -> str | None:
    """Why a GPU cannot be followed here; None if it can."""
    if find_spec("pynvml") is None:
        return "nvidia-ml-py is not installed: pip install 'cvbench[gpu]'"
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return f"NVML: {error}"
    return None


@contextmanager
def following(device: str) -> Iterator[GpuMonitor]:
    """A watch over the GPU of this index or UUID, whose sampler runs while the block does."""
    with TemporaryDirectory(prefix="cvbench-") as folder:
        file = Path(folder) / "gpu.jsonl"
        file.touch()
        command = [sys.executable, "-P", str(Path(__file__).with_name("gpu_sampler.py")), device, str(file)]
        sampler = subprocess.Popen(command)  # noqa: S603 - our own module, our own arguments
        try:
            yield GpuMonitor(file, frozenset({os.getpid()}))
        finally:
            sampler.terminate()
            sampler.wait()
