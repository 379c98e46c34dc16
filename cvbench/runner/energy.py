"""Which counter of energy belongs to a device."""

from __future__ import annotations

import torch

from cvbench.timing.energy import Meter
from cvbench.timing.energy_counters import gpu_meter, processor_meter
from cvbench.timing.gpu_monitor import why_not


def meter_of(device: torch.device) -> Meter | str:
    """The GPU's counter or the processor's, whichever does the work; or why there is none."""
    if device.type != "cuda":
        return processor_meter()
    reason = why_not()
    if reason is not None:
        return f"no counter of energy of the GPU: {reason}"
    import pynvml

    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    if uuid is None:
        return gpu_meter(pynvml, pynvml.nvmlDeviceGetHandleByIndex(device.index or 0))
    return gpu_meter(pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}"))
