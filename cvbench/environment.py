"""This machine and its software, as a record carries them, and what could disturb a measurement.

Everything is read from the operating system and from package metadata, so that the command line can
ask without importing torch; a worker, which has imported it anyway, adds what only torch knows.
No host name, user name or serial number is read.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cvbench.record import Environment, Scalar

PACKAGES = ("torch", "torchvision", "numpy", "numba", "pycocotools", "pillow")
"""Packages whose version can move a figure."""


def probe() -> Environment:
    """The environment of this process."""
    hard = {**_processor(), **_gpu(), **_system(), **_versions()}
    return Environment(hard=hard, soft=_soft(), volatile=_volatile())


def threads_available() -> int:
    """CPU threads that this process may keep busy: the least of affinity, quota and cores."""
    counts = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    quota = _cpu_quota()
    if quota is not None:
        counts.append(max(1, int(quota)))
    return min(counts)


def has_gpu() -> bool:
    """Whether a CUDA device is to be seen, asked without torch."""
    return bool(_nvidia_smi("name"))


def disturbances() -> list[tuple[str, str]]:
    """What could disturb a measurement here: (finding, remedy) pairs, none if the machine is quiet."""
    found = []
    load, threads = os.getloadavg()[0], threads_available()
    if load > 0.5 * threads:
        found.append(
            (
                f"other work is running: load average {load:.1f} on {threads} threads",
                "stop it, or compare only runs that were measured side by side",
            )
        )
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor and governor != "performance":
        found.append((f"the CPU governor is {governor}", "cpupower frequency-set -g performance, as root"))
    quota = _cpu_quota()
    if quota is not None and quota < (os.cpu_count() or 1):
        found.append(
            (f"a quota of {quota:g} CPUs throttles this process", "raise it, or keep threads at or below it")
        )
    if _hypervisor():
        found.append(
            ("this is a virtual machine: neighbours share its processor", "repeat, and trust intervals only")
        )
    return found


def commit_of(file: Path) -> str | None:
    """The commit that a file is of, and whether the work tree differs; None where git does not keep it."""
    if not _git(file, "ls-files", "--error-unmatch", file.name):
        return None
    changed = " with changes" if _git(file, "status", "--porcelain", "--untracked-files=no") else ""
    return f"{_git(file, 'rev-parse', 'HEAD')}{changed}"


def _git(file: Path, *arguments: str) -> str:
    """What git says in the file's folder; nothing where it is not there or refuses."""
    program = shutil.which("git")
    if program is None or not file.parent.is_dir():
        return ""
    try:
        # git as found on the path, asked about a file and never told to change anything
        answer = subprocess.run(  # noqa: S603
            [program, "-C", str(file.parent), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def _processor() -> dict[str, Scalar]:
    facts: dict[str, str] = {}
    for line in _read("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    memory = _read("/proc/meminfo").split()
    return {
        "cpu": facts.get("model name") or platform.processor() or platform.machine(),
        "cpu_family": "/".join(facts.get(part, "?") for part in ("cpu family", "model", "stepping")),
        "cpu_threads": threads_available(),
        "memory_gib": round(int(memory[1]) / 2**20) if memory[:1] == ["MemTotal:"] else None,
        "hypervisor": _hypervisor(),
    }


def _gpu() -> dict[str, Scalar]:
    rows = _nvidia_smi("name,driver_version,memory.total,power.limit")
    if not rows:
        return {"gpu": None}
    name, driver, memory, power = (cell.strip() for cell in rows[0].split(","))
    return {"gpu": name, "gpus": len(rows), "driver": driver, "gpu_memory": memory, "gpu_power_limit": power}


def _system() -> dict[str, Scalar]:
    release = ".".join(platform.release().split(".")[:2])
    return {
        "system": f"{platform.system()} {release}",
        "architecture": platform.machine(),
        "python": ".".join(platform.python_version_tuple()[:2]),
    }


def _versions() -> dict[str, Scalar]:
    found: dict[str, Scalar] = {"cvbench": _version("cvbench")}
    return found | {name: _version(name) for name in PACKAGES}


def _soft() -> dict[str, Scalar]:
    names = ("OMP_NUM_THREADS", "KMP_AFFINITY", "MKL_NUM_THREADS", "PYTORCH_CUDA_ALLOC_CONF")
    soft: dict[str, Scalar] = {name: os.environ[name] for name in names if name in os.environ}
    soft["governor"] = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None
    torch = sys.modules.get("torch")
    if torch is not None:  # a worker: what only torch knows
        soft["torch_git"] = torch.version.git_version
        soft["cuda"] = torch.version.cuda
        soft["cudnn"] = torch.backends.cudnn.version() if torch.cuda.is_available() else None
        soft["torch_threads"] = torch.get_num_threads()
    return soft


def _volatile() -> dict[str, Scalar]:
    memory = {line.split(":")[0]: line.split()[1] for line in _read("/proc/meminfo").splitlines()}
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load_1min": round(os.getloadavg()[0], 2),
        "memory_available_gib": round(int(memory["MemAvailable"]) / 2**20, 1)
        if "MemAvailable" in memory
        else None,
    }


def _cpu_quota() -> float | None:
    """The cgroup's limit in CPUs; None where there is none."""
    words = _read("/sys/fs/cgroup/cpu.max").split()
    if len(words) == 2 and words[0] != "max":
        return int(words[0]) / int(words[1])
    quota = _read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period = _read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    return int(quota) / int(period) if quota and period and int(quota) > 0 else None


def _hypervisor() -> bool:
    return " hypervisor" in _read("/proc/cpuinfo")


def _nvidia_smi(fields: str) -> list[str]:
    """One comma-separated line a GPU; none where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        # the program is the driver's own, found on the path; the arguments are ours
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return [line for line in answer.stdout.splitlines() if line.strip()]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
