"""What changes by the minute: told, never compared."""

from __future__ import annotations

import os
import time

from cvbench.record import Scalar
from cvbench.runner.environment import gpu
from cvbench.runner.environment.system_files import anonymous, read, value_in


def facts() -> dict[str, Scalar]:
    """The machine now."""
    memory = {line.split(":")[0]: line.split()[1] for line in read("/proc/meminfo").splitlines()}
    uptime = read("/proc/uptime").split()
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "uptime_h": round(float(uptime[0]) / 3600, 1) if uptime else None,
        "boot": anonymous(read("/proc/sys/kernel/random/boot_id")),
        "load_1min": round(os.getloadavg()[0], 2),
        "memory_available_gib": round(int(memory["MemAvailable"]) / 2**20, 1)
        if "MemAvailable" in memory
        else None,
        "waiting_for_cpu": pressure("cpu"),
        "throttled_periods": value_in(read("/sys/fs/cgroup/cpu.stat"), "nr_throttled"),
        **gpu.state(),
    }


def pressure(resource: str) -> float | None:
    """Share of the last 10 s in which some process waited for it; None where the system does not tell."""
    first = next(iter(read(f"/proc/pressure/{resource}").splitlines()), "")
    words = dict(word.partition("=")[::2] for word in first.split()[1:])
    return float(words["avg10"]) / 100 if "avg10" in words else None
