"""Versions and builds of what computes."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from cvbench.record import Scalar

PACKAGES = (
    "torch", "torchvision", "timm", "triton", "numpy", "numba", "pycocotools", "pillow", "simplejpeg",
    "onnxruntime", "openvino",
)  # fmt: skip
"""Packages whose version can change a measurement."""
_BUILD = re.compile(r"^(git_version|cuda)(?:: [^=]+)? = '?([^'\n]*)'?$", re.MULTILINE)


def facts() -> dict[str, Scalar]:
    """Facts that must be equal in two runs whose times are compared."""
    release = ".".join(platform.release().split(".")[:2])
    return {
        "system": f"{platform.system()} {release}",
        "architecture": platform.machine(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "cvbench": installed("cvbench"),
        **{name: installed(name) for name in PACKAGES},
        **_torch_build(),
    }


def installed(package: str) -> str | None:
    """A package's version; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _torch_build() -> dict[str, Scalar]:
    """Which torch it is, read from its own file: importing it would take seconds."""
    found = find_spec("torch")
    if found is None or found.origin is None:
        return {}
    try:
        text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return {}
    parts = dict(_BUILD.findall(text))
    cuda = parts.get("cuda")
    return {"torch_git": parts.get("git_version"), "torch_cuda": None if cuda == "None" else cuda}
