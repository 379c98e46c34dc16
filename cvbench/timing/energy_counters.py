"""Energy counters: NVML's for a GPU, and RAPL's for a processor's packages.

RAPL is read where Linux shows it, below /sys/class/powercap, and only by whom it lets read: since 2020 that
is root, for the counter tells too much of what others compute (CVE-2020-8694). NVML's counter is there from
Volta on; it has not yet been read on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from cvbench.timing.energy import CounterLost, EnergyCounter, Unwrapped
from cvbench.timing.gpu_monitor import why_not

ROOT = Path("/sys/class/powercap")
_MICROJOULES, _MILLIJOULES = 1e-6, 1e-3


class Rapl:
    """The packages of the processor, summed."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.covers = "the processor's packages, by RAPL"
        self._counters = [
            Unwrapped(
                _reader(folder / "energy_uj"), unit_j=_MICROJOULES, span=_read(folder / "max_energy_range_uj")
            )
            for folder in folders
        ]

    def joules(self) -> float:
        """Of all packages, since this was made."""
        return sum(counter.joules() for counter in self._counters)


class Nvml:
    """One GPU; `nvml` is the module pynvml, or a replacement for it."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self.covers = "the GPU, by NVML"

        def read() -> int:
            try:
                return int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
            except nvml.NVMLError as error:
                raise CounterLost(str(error)) from error

        self._counter = Unwrapped(read, unit_j=_MILLIJOULES, span=None)

    def joules(self) -> float:
        """Since this was made."""
        return self._counter.joules()


def processor_counter(root: Path = ROOT) -> EnergyCounter | str:
    """The processor's counter, or why there is none."""
    packages = [folder for folder in sorted(root.glob("*-rapl:*")) if _is_package(folder)]
    if not packages:
        return f"no energy counter: the system has none below {root}"
    try:
        return Rapl(packages)
    except CounterLost as error:
        return f"no energy counter may be read: {error}"


def gpu_counter(nvml: Any, handle: Any) -> EnergyCounter | str:
    """The GPU's counter, or why there is none."""
    try:
        return Nvml(nvml, handle)
    except CounterLost as error:
        return f"the GPU has no energy counter: {error}"


def _is_package(folder: Path) -> bool:
    """Whether it is a whole package, and no part that one holds already."""
    try:
        return (folder / "name").read_text(encoding="ascii").startswith("package")
    except OSError:
        return False


def _reader(path: Path) -> Any:
    return lambda: _read(path)


def _read(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise CounterLost(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def counter_of(device: torch.device) -> EnergyCounter | str:
    """The GPU's counter or the processor's, whichever does the work; or why there is none."""
    if device.type != "cuda":
        return processor_counter()
    reason = why_not()
    if reason is not None:
        return f"the GPU has no energy counter: {reason}"
    import pynvml

    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    if uuid is None:
        return gpu_counter(pynvml, pynvml.nvmlDeviceGetHandleByIndex(device.index or 0))
    return gpu_counter(pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}"))
