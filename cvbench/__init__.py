"""Benchmark and evaluate computer-vision architectures: accuracy, speed and memory in one record.

>>> import cvbench
>>> sorted(cvbench.__all__)
['build_model', 'check_records', 'load_suite', 'run', 'to_frame']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cvbench.spec import moved

if TYPE_CHECKING:
    from cvbench.compare.gate.floors import check_records
    from cvbench.models.building import build_model
    from cvbench.report.frame import to_frame
    from cvbench.runner.session import run
    from cvbench.spec.suite import load_suite

    __version__: str

__all__ = ["build_model", "check_records", "load_suite", "run", "to_frame"]

_HOMES = {
    "build_model": "cvbench.models.building",
    "check_records": "cvbench.compare.gate.floors",
    "load_suite": "cvbench.spec.suite",
    "run": "cvbench.runner.session",
    "to_frame": "cvbench.report.frame",
}


moved.install()


def __getattr__(name: str) -> Any:
    """Import on first use: `import cvbench` alone stays fast."""
    if name == "__version__":
        return import_module("importlib.metadata").version("cvbench")
    if name not in _HOMES:
        raise AttributeError(f"module 'cvbench' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
