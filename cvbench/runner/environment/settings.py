"""What may matter: settings of system and process that are compared and warned about."""

from __future__ import annotations

import hashlib
import os
import sys
from importlib.metadata import distributions
from pathlib import Path

from cvbench.record import Scalar
from cvbench.runner.environment import gpu
from cvbench.runner.environment.system_files import read

_PREFIXES = ("OMP_", "KMP_", "MKL_", "CUDA_", "PYTORCH_", "TORCH_", "NUMBA_", "OPENBLAS_", "MALLOC_")
_CPUFREQ = "/sys/devices/system/cpu/cpu0/cpufreq"


def facts() -> dict[str, Scalar]:
    """All that can be read."""
    return {**_environment(), **_processor(), **gpu.settings(), **_torch()}


def _environment() -> dict[str, Scalar]:
    """Variables that the numerical libraries read; paths in them are left out."""
    found: dict[str, Scalar] = {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(_PREFIXES) and "/" not in value
    }
    preload = os.environ.get("LD_PRELOAD", "")
    found["preloaded"] = ", ".join(Path(part).name for part in preload.split(":") if part) or None
    packages = sorted(f"{d.metadata['Name']}=={d.version}" for d in distributions())
    found["packages_sha256"] = hashlib.sha256("\n".join(packages).encode()).hexdigest()[:16]
    return found


def _processor() -> dict[str, Scalar]:
    highest = read(f"{_CPUFREQ}/cpuinfo_max_freq")
    boost = read("/sys/devices/system/cpu/cpufreq/boost")
    no_turbo = read("/sys/devices/system/cpu/intel_pstate/no_turbo")
    pages = read("/sys/kernel/mm/transparent_hugepage/enabled")
    return {
        "governor": read(f"{_CPUFREQ}/scaling_governor") or None,
        "cpu_max_mhz": int(highest) // 1000 if highest else None,
        "boost": {"1": True, "0": False}.get(boost, {"1": False, "0": True}.get(no_turbo)),
        "huge_pages": pages.partition("[")[2].partition("]")[0] or None,
        "machine_type": read("/sys/class/dmi/id/product_name") or None,
        "bios_date": read("/sys/class/dmi/id/bios_date") or None,
    }


def _torch() -> dict[str, Scalar]:
    """What only torch knows, where it is imported: in a worker."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    backends = torch.backends
    return {
        "cudnn": backends.cudnn.version() if torch.cuda.is_available() else None,
        "cudnn_benchmark": backends.cudnn.benchmark,
        "cudnn_deterministic": backends.cudnn.deterministic,
        "tf32": backends.cuda.matmul.allow_tf32,
        "matmul_precision": torch.get_float32_matmul_precision(),
        "torch_threads": torch.get_num_threads(),
        "torch_interop_threads": torch.get_num_interop_threads(),
        "mkl": backends.mkl.is_available(),
        "onednn": backends.mkldnn.is_available(),
        "cpu_capability": backends.cpu.get_cpu_capability(),
    }
