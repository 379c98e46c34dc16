"""The GPU as its driver describes it, asked through nvidia-smi."""

from __future__ import annotations

from cvbench.record import Scalar
from cvbench.runner.environment.system_files import anonymous, answer

_HARD = {
    "gpu": "name",
    "driver": "driver_version",
    "gpu_memory": "memory.total",
    "gpu_power_limit": "power.limit",
    "gpu_capability": "compute_cap",
    "gpu_mig": "mig.mode.current",
    "gpu_ecc": "ecc.mode.current",
}
_SOFT = {
    "gpu_pcie_generation": "pcie.link.gen.current",
    "gpu_pcie_width": "pcie.link.width.current",
    "gpu_vbios": "vbios_version",
    "gpu_persistence": "persistence_mode",
    "gpu_power_default": "power.default_limit",
}
_VOLATILE = {
    "gpu_sm_clock": "clocks.sm",
    "gpu_celsius": "temperature.gpu",
    "gpu_watts": "power.draw",
    "gpu_utilisation": "utilization.gpu",
}


def facts() -> dict[str, Scalar]:
    """What must agree for GPU times to be compared."""
    found = _first(_HARD)
    return {**found, "gpus": len(_ask("name"))} if found else {"gpu": None}


def settings() -> dict[str, Scalar]:
    """What may matter."""
    found = _first(_SOFT)
    uuids = _ask("uuid")
    return {**found, "gpu_identity": anonymous(uuids[0])} if found and uuids else found


def state() -> dict[str, Scalar]:
    """What changes by the minute."""
    return _first(_VOLATILE)


def has_gpu() -> bool:
    """Whether a CUDA device is to be seen, asked without torch."""
    return bool(_ask("name"))


def processes_on_gpu() -> int:
    """How many processes compute there now."""
    return len(_lines(["--query-compute-apps=pid", "--format=csv,noheader"]))


def _first(fields: dict[str, str]) -> dict[str, Scalar]:
    """The fields of the first GPU; nothing where there is none. What a driver does not know is None."""
    rows = _ask(",".join(fields.values()))
    if not rows:
        return {}
    values = [word.strip() for word in rows[0].split(",")]
    unknown = ("[N/A]", "[Not Supported]", "N/A", "")
    return {name: None if value in unknown else value for name, value in zip(fields, values, strict=False)}


def _ask(fields: str) -> list[str]:
    return _lines([f"--query-gpu={fields}", "--format=csv,noheader"])


def _lines(arguments: list[str]) -> list[str]:
    """What nvidia-smi says, line by line; nothing where there is no driver."""
    return [line for line in answer("nvidia-smi", *arguments).splitlines() if line.strip()]
