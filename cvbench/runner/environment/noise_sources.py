"""What could disturb a measurement on this machine, and what to do about each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import NamedTuple

from cvbench.record import Scalar
from cvbench.runner.environment import gpu, processor, settings
from cvbench.runner.environment.system_files import anonymous, read, value_in

HOT_CELSIUS = 80.0


class Facts(NamedTuple):
    """All that the findings go by."""

    threads: int
    cpus: int
    load: float
    waiting: float | None
    quota: float | None
    throttled: int
    virtual: bool
    governor: Scalar
    boost: Scalar
    gpu: dict[str, Scalar]
    """All groups of the first GPU; empty where there is none."""
    gpu_processes: int


def disturbances() -> list[tuple[str, str]]:
    """(finding, remedy) pairs; none if the machine is quiet."""
    chosen, card = settings.facts(), {**gpu.facts(), **gpu.settings(), **gpu.state()}
    return list(
        findings(
            Facts(
                threads=processor.threads_available(),
                cpus=os.cpu_count() or 1,
                load=os.getloadavg()[0],
                waiting=pressure("cpu"),
                quota=processor.quota(),
                throttled=int(facts()["throttled_periods"] or 0),
                virtual=processor.is_virtual(),
                governor=chosen["governor"],
                boost=chosen["boost"],
                gpu=card if card.get("gpu") else {},
                gpu_processes=gpu.processes_on_gpu(),
            )
        )
    )


def findings(facts: Facts) -> Iterator[tuple[str, str]]:
    """What the facts mean for a measurement."""
    if facts.load > 0.5 * facts.threads:
        yield (
            f"other work is running: load average {facts.load:.1f} on {facts.threads} threads",
            "stop it, or compare only runs that were measured side by side",
        )
    if facts.waiting is not None and facts.waiting > 0.1:
        yield (
            f"processes waited for a CPU in {facts.waiting:.0%} of the last 10 s",
            "run fewer processes, or measure more rounds",
        )
    if facts.quota is not None and facts.quota < facts.cpus:
        throttled = f", and has done so in {facts.throttled} periods" if facts.throttled else ""
        yield (
            f"a quota of {facts.quota:g} CPUs throttles this process{throttled}",
            "raise it, or keep threads at or below it",
        )
    if facts.governor not in (None, "performance"):
        yield f"the CPU governor is {facts.governor}", "cpupower frequency-set -g performance, as root"
    if facts.boost is True:
        yield (
            "the CPU's clock may boost, and falls when it is warm",
            "echo 0 > /sys/devices/system/cpu/cpufreq/boost, as root, if steadiness matters more than speed",
        )
    if facts.virtual:
        yield (
            "this is a virtual machine: others share its processor",
            "measure more rounds, and compare intervals only",
        )
    if facts.gpu:
        yield from _graphics(facts)


def _graphics(facts: Facts) -> Iterator[tuple[str, str]]:
    card = facts.gpu
    if facts.gpu_processes:
        yield (
            f"{facts.gpu_processes} processes compute on the GPU",
            "stop them, or choose another GPU: runtime.device",
        )
    celsius = _number(card.get("gpu_celsius"))
    if celsius is not None and celsius >= HOT_CELSIUS:
        yield f"the GPU is at {celsius:.0f} °C already", "let it cool down, or improve its cooling"
    limit, default = _number(card.get("gpu_power_limit")), _number(card.get("gpu_power_default"))
    if limit is not None and default is not None and limit < default:
        yield (
            f"the GPU's power is capped at {limit:.0f} W of {default:.0f} W",
            f"nvidia-smi --power-limit={default:.0f}, as root",
        )
    if card.get("gpu_persistence") == "Disabled":
        yield "the GPU's driver unloads between processes", "nvidia-smi --persistence-mode=1, as root"


def _number(value: Scalar) -> float | None:
    """The number that a value such as `400.00 W` begins with."""
    try:
        return float(str(value).split()[0])
    except (ValueError, IndexError):
        return None


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
    """Share of the last 10 s in which some process waited for it; None where it is not reported."""
    first = next(iter(read(f"/proc/pressure/{resource}").splitlines()), "")
    words = dict(word.partition("=")[::2] for word in first.split()[1:])
    return float(words["avg10"]) / 100 if "avg10" in words else None
