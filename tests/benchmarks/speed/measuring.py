"""Interleaved timing of contenders: a temporary slowdown of the machine affects all of them."""

import gc
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tests.benchmarks.speed.peers import Absent
from tests.benchmarks.speed.rows import Row


class Timed(NamedTuple):
    """One contender's wall times in seconds, or the reason why it has none."""

    seconds: tuple[float, ...] = ()
    missing: str | None = None

    def quartiles(self) -> tuple[float, float, float]:
        low, median, high = np.percentile(self.seconds, [25, 50, 75])
        return float(low), float(median), float(high)


def measure(row: Row, contenders: Mapping[str, Any]) -> dict[str, Timed]:
    """Each contender's times over `row.rounds` rounds, with the order reversed in every other round.

    The first run is a warm-up and not counted; contenders that take a minute run only once, which counts.
    Raises AssertionError unless all results agree.
    """
    gc.collect()
    gc.freeze()  # collections must not scan the millions of objects of some contenders
    there = {name: call for name, call in contenders.items() if not isinstance(call, Absent)}
    seconds: dict[str, list[float]] = {name: [] for name in there}
    expected = None
    for name, call in there.items():
        took, result = _timed(call)
        if name in row.once:
            seconds[name].append(took)
        expected = _plain(result) if expected is None else expected
        np.testing.assert_allclose(
            _plain(result), expected, rtol=1e-6, atol=row.atol, err_msg=f"{name}: {row.work}"
        )
    again = [name for name in there if name not in row.once]
    for turn in range(row.rounds):
        for name in again if turn % 2 == 0 else reversed(again):
            seconds[name].append(_timed(there[name])[0])
    gc.unfreeze()
    return {
        name: Timed(missing=call.reason) if isinstance(call, Absent) else Timed(tuple(seconds[name]))
        for name, call in contenders.items()
    }


def ratios(ours: Timed, peer: Timed) -> tuple[float, float, float]:
    """Quartiles over the rounds of the peer's time divided by ours in the same round."""
    if len(ours.seconds) == len(peer.seconds):
        low, median, high = np.percentile(np.divide(peer.seconds, ours.seconds), [25, 50, 75])
    else:
        low, median, high = (peer.quartiles()[1] / end for end in reversed(ours.quartiles()))
    return float(low), float(median), float(high)


def _timed(call: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _plain(result: Any) -> np.ndarray:
    """Metrics as floats; a missing metric is -1, as in pycocotools."""
    if isinstance(result, list):
        result = [-1.0 if figure is None else figure for figure in result]
    return np.asarray(result, float)
