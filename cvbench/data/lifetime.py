"""End child processes together with their parent, also when the parent is killed.

A child may be in compiled code at that moment, where no Python thread can end it. Linux can.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent(parent: int | None = None) -> None:
    """Ask the system to kill this process when its parent ends; does nothing on systems without that call.

    `parent` is the parent's process id, if known: if it has already ended, this process ends immediately.
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
