"""Samples a GPU's state in a separate process: `python -m cvbench.timing.gpu_sampler DEVICE FILE`.

Ten times per second it appends one line of JSON to FILE: clocks, temperature, power, reasons for a reduced
clock, utilization and the processes on the device. It runs at low priority and ends with its parent.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

EVERY_S = 0.1


@dataclass(frozen=True)
class GpuSample:
    """The state of a GPU at one moment."""

    now_ns: int
    """By `time.perf_counter_ns`, which all processes of a machine share."""
    sm_mhz: float
    memory_mhz: float
    celsius: float
    watts: float
    reasons: int
    """NVML's bits for why the clock is below its highest."""
    utilisation: float
    """Share of the time in which a kernel ran."""
    pids: tuple[int, ...]


def look(nvml: Any, handle: Any) -> GpuSample:
    """The state that NVML reports now; `nvml` is the module pynvml, or a replacement for it."""
    reasons = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None) or (
        nvml.nvmlDeviceGetCurrentClocksThrottleReasons  # of drivers before 535
    )
    return GpuSample(
        now_ns=time.perf_counter_ns(),
        sm_mhz=float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
        memory_mhz=float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM)),
        celsius=float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
        watts=nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
        reasons=int(reasons(handle)),
        utilisation=nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100,
        pids=tuple(process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)),
    )


def follow(nvml: Any, handle: Any, file: TextIO, *, parent: int) -> None:
    """Write a line ten times a second until the parent has gone or NVML fails, which is written too."""
    while os.getppid() == parent:
        try:
            line = asdict(look(nvml, handle))
        except nvml.NVMLError as error:
            file.write(json.dumps({"error": str(error)}) + "\n")
            file.flush()
            return
        file.write(json.dumps(line) + "\n")
        file.flush()
        time.sleep(EVERY_S)


def main() -> None:
    """Follow the device of the first argument, by its index or its UUID, into the file of the second."""
    import pynvml

    device, path = sys.argv[1:3]
    os.nice(10)
    pynvml.nvmlInit()
    if device.isdigit():
        handle = pynvml.nvmlDeviceGetHandleByIndex(int(device))
    else:
        handle = pynvml.nvmlDeviceGetHandleByUUID(device)
    with Path(path).open("a", encoding="ascii") as file:
        follow(pynvml, handle, file, parent=os.getppid())


if __name__ == "__main__":
    main()
