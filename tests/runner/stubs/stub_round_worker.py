"""Stands for `cvbench.runner.round_worker`: builds the model, and makes up a series of its latency."""

from __future__ import annotations

import numpy as np
from stub_cell import build

from cvbench.runner.messages import RoundSlot, SlotTimings
from cvbench.runner.parquet import save_series
from cvbench.runner.progress import StageTimes
from cvbench.timing.series import Series


def time_slot(slot: RoundSlot, *, times: StageTimes, seed: int = 0, is_first: bool = True) -> SlotTimings:
    """Ten calls of a millisecond; what building raises is raised."""
    assert slot.checkpoint.exists()
    with times.stage("build"):
        build(slot.cell)
    series = Series("latency", "batch=1", "s", np.full(10, 1e-3), 3, slice=np.zeros(10, np.int32))
    return SlotTimings(attachments=(save_series(series, slot.cell, slot.staged),))
