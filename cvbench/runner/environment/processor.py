"""The processor, and how much of it this process may use."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from cvbench.record import Scalar
from cvbench.runner.environment.system_files import read


def facts() -> dict[str, Scalar]:
    """What must agree for CPU times to be compared."""
    first = _first()
    memory = read("/proc/meminfo").split()
    return {
        "cpu": first.get("model name") or platform.processor() or platform.machine(),
        "cpu_family": "/".join(first.get(part, "?") for part in ("cpu family", "model", "stepping")),
        "cpu_microcode": first.get("microcode"),
        "cpu_threads": threads_available(),
        "cpu_affinity": affinity(),
        "cpu_quota": quota(),
        "cpu_cores": _cores(),
        "smt": {"1": True, "0": False}.get(read("/sys/devices/system/cpu/smt/active")),
        "numa_nodes": read("/sys/devices/system/node/online") or None,
        "memory_gib": round(int(memory[1]) / 2**20) if memory[:1] == ["MemTotal:"] else None,
        "hypervisor": is_virtual(),
        "container": Path("/.dockerenv").exists() or Path("/run/.containerenv").exists(),
    }


def threads_available() -> int:
    """CPU threads that this process may keep busy: the least of affinity, quota and cores."""
    limit = quota()
    return min(affinity(), max(1, int(limit))) if limit is not None else affinity()


def affinity() -> int:
    """CPUs that the scheduler may put this process on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quota() -> float | None:
    """The control group's limit in CPUs; None where there is none."""
    words = read("/sys/fs/cgroup/cpu.max").split()
    if len(words) == 2 and words[0] != "max":
        return int(words[0]) / int(words[1])
    limit = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period = read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    return int(limit) / int(period) if limit and period and int(limit) > 0 else None


def is_virtual() -> bool:
    """Whether a hypervisor owns the processor."""
    return " hypervisor" in read("/proc/cpuinfo")


def _first() -> dict[str, str]:
    """The first processor's lines of /proc/cpuinfo."""
    first = read("/proc/cpuinfo").split("\n\n", maxsplit=1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _cores() -> int | None:
    """Physical cores below the CPUs of the affinity; None where the system does not report it."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    siblings = {
        read(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        for cpu in os.sched_getaffinity(0)
    }
    return len(siblings) if "" not in siblings else None
