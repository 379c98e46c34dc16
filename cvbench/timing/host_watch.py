"""What the operating system tells of a host while slices are taken: throttling, theft, neighbours.

Everything is read from /proc and the control group before and after a slice, outside the timed part.
Where a system does not tell something, that something is not seen, and nothing is made up.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cvbench.timing.instruments import Seen

MOST_STOLEN = 0.02
"""Share of the machine's time that a hypervisor may take away."""
MOST_FOREIGN = 0.25
"""CPUs that other processes may use."""
CGROUPS = ("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat")


class Reading(NamedTuple):
    """Counters of the system at one moment."""

    now_s: float
    own_s: float
    """CPU time of this process and its ended children."""
    busy_s: float
    """Of the whole machine, over all its CPUs."""
    stolen_s: float
    total_s: float
    throttled: int
    """Periods in which the control group's quota held this process back."""
    switched: int
    """Times that this process was made to wait for another."""


def read(root: Path = Path("/")) -> Reading:
    """The counters now; what the system does not tell is 0 throughout."""
    own = os.times()
    busy_s = stolen_s = total_s = 0.0
    line = _first_line(root / "proc/stat").split()
    if line[:1] == ["cpu"]:
        ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in line[1:9]]
        ticks += [0.0] * (8 - len(ticks))
        user, nice, system, idle, iowait, irq, softirq, stolen_s = ticks
        busy_s = user + nice + system + irq + softirq
        total_s = busy_s + idle + iowait + stolen_s
    throttled = [_value(root / group[1:], "nr_throttled") for group in CGROUPS]
    return Reading(
        now_s=time.perf_counter(),
        own_s=own.user + own.system + own.children_user + own.children_system,
        busy_s=busy_s,
        stolen_s=stolen_s,
        total_s=total_s,
        throttled=max(throttled),
        switched=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
    )


@dataclass
class HostWatch:
    """Compares the counters before and after each slice, and over all of them."""

    root: Path = Path("/")
    _before: Reading | None = None
    _first: Reading | None = None
    _last: Reading | None = None
    _worst: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Read."""
        self._before = read(self.root)
        self._first = self._first or self._before

    def end(self) -> Seen:
        """Read again, and compare."""
        assert self._before is not None
        self._last = read(self.root)
        return Seen(disturbances=tuple(differences(self._before, self._last)))

    def has_settled(self) -> bool:
        """A host's clock frequency is not followed."""
        return True

    def summary(self) -> Mapping[str, float]:
        """Over everything since the first slice began."""
        if self._first is None or self._last is None:
            return {}
        first, last = self._first, self._last
        wall_s = max(last.now_s - first.now_s, 1e-9)
        return {
            "timing_cpus_used": round((last.own_s - first.own_s) / wall_s, 2),
            "timing_cpus_used_by_others": round(_foreign(first, last), 2),
            "timing_stolen_share": round(_stolen(first, last), 4),
            "timing_throttled_periods": last.throttled - first.throttled,
            "timing_involuntary_switches": last.switched - first.switched,
        }


def differences(before: Reading, after: Reading) -> list[str]:
    """What disturbed the time between two readings."""
    found = []
    if after.throttled > before.throttled:
        found.append("the CPU quota throttled it")
    if _stolen(before, after) > MOST_STOLEN:
        found.append("the hypervisor gave the processor to others")
    if _foreign(before, after) > MOST_FOREIGN:
        found.append("other processes were at work")
    return found


def _stolen(before: Reading, after: Reading) -> float:
    total_s = after.total_s - before.total_s
    return (after.stolen_s - before.stolen_s) / total_s if total_s > 0 else 0.0


def _foreign(before: Reading, after: Reading) -> float:
    """CPUs that other processes used; the system counts in ticks of 10 ms, and half of one is allowed for."""
    wall_s = after.now_s - before.now_s
    foreign_s = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    return max(0.0, foreign_s / wall_s) if wall_s > 0 else 0.0


def _first_line(path: Path) -> str:
    """Of /proc/stat the sums stand there; what follows may be long."""
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return file.readline()
    except OSError:
        return ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def _value(path: Path, name: str) -> int:
    for line in _lines(path):
        if line.startswith(name):
            return int(line.split()[1])
    return 0
