"""Processes that end with the one that started them, however that ends.

A worker's loaders, and the worker itself, may sit in compiled code when their parent is killed: no thread of
Python's could end them then. Linux can.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent(parent: int | None = None) -> None:
    """Have the system kill this process when its parent ends; does nothing where that is not known.

    `parent` is the parent's process id, where it is known: if it has ended already, this process ends now.
    """
    if sys.platform != "linux":
        return
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
