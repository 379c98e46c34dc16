"""What disturbs the host while slices are timed: CPU throttling, steal time, other processes.

Everything is read from /proc and the control group before and after a slice, outside the timed part. The
files stay open, because opening one costs several times as much as reading it. What a system does not report
is left out.
"""

from __future__ import annotations

import os
import resource
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing import active_children
from pathlib import Path
from typing import NamedTuple

from cvbench.timing.instruments import SliceConditions

MOST_STOLEN = 0.02
"""Share of the machine's time that a hypervisor may take away."""
MOST_EXTERNAL = 0.25
"""CPUs that other processes may use."""
ENOUGH = 4096
"""Bytes that hold what is looked for."""
CGROUPS = ("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat")


class Reading(NamedTuple):
    """Counters of the system at one moment."""

    now_s: float
    own_s: float
    """CPU time of this process, of its children that have ended, and of multiprocessing's live children."""
    busy_s: float
    """Of the whole machine, over all its CPUs."""
    stolen_s: float
    total_s: float
    throttled: int
    """Periods in which the control group's quota held this process back."""
    switched: int
    """Times that this process was made to wait for another."""


class Files:
    """The system's files below `root`, opened once; one that is not there is empty."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stat = _opened(root / "proc/stat")
        self._groups = [fd for group in CGROUPS if (fd := _opened(root / group[1:])) is not None]
        for fd in (self._stat, *self._groups):
            if fd is not None:
                weakref.finalize(self, os.close, fd)

    def read(self) -> Reading:
        """The counters now; what the system does not report stays 0."""
        children_s = self._children_s()  # first: whose end it notices is among the ended below
        own = os.times()
        busy_s = stolen_s = total_s = 0.0
        line = _text(self._stat).partition("\n")[0].split()  # the sums; what follows may be long
        if line[:1] == ["cpu"]:
            ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in line[1:9]]
            ticks += [0.0] * (8 - len(ticks))
            user, nice, system, idle, iowait, irq, softirq, stolen_s = ticks
            busy_s = user + nice + system + irq + softirq
            total_s = busy_s + idle + iowait + stolen_s
        throttled = [_value(_text(group), "nr_throttled") for group in self._groups]
        return Reading(
            now_s=time.perf_counter(),
            own_s=own.user + own.system + own.children_user + own.children_system + children_s,
            busy_s=busy_s,
            stolen_s=stolen_s,
            total_s=total_s,
            throttled=max(throttled, default=0),
            switched=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
        )

    def _children_s(self) -> float:
        """CPU time so far of what works for this process, such as loaders."""
        return sum(_cpu_s(self._root / f"proc/{child.pid}/stat") for child in active_children())


@dataclass
class HostMonitor:
    """Compares the counters before and after each slice, and over all of them."""

    root: Path = Path("/")
    _files: Files = field(init=False)
    _before: Reading | None = None
    _first: Reading | None = None
    _last: Reading | None = None
    _worst: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._files = Files(self.root)

    def begin(self) -> None:
        """Read."""
        self._before = self._files.read()
        self._first = self._first or self._before

    def end(self) -> SliceConditions:
        """Read again, and compare."""
        assert self._before is not None
        self._last = self._files.read()
        return SliceConditions(disturbances=tuple(differences(self._before, self._last)))

    def has_settled(self) -> bool:
        """A host's clock frequency is not monitored."""
        return True

    def summary(self) -> Mapping[str, float]:
        """Over everything since the first slice began."""
        if self._first is None or self._last is None:
            return {}
        first, last = self._first, self._last
        wall_s = max(last.now_s - first.now_s, 1e-9)
        return {
            "timing_cpus_used": round((last.own_s - first.own_s) / wall_s, 2),
            "timing_cpus_used_by_others": round(_external(first, last), 2),
            "timing_stolen_share": round(_stolen(first, last), 4),
            "timing_throttled_periods": last.throttled - first.throttled,
            "timing_involuntary_switches": last.switched - first.switched,
        }


def differences(before: Reading, after: Reading) -> list[str]:
    """What disturbed the time between two readings."""
    found = []
    if after.throttled > before.throttled:
        found.append("the CPU quota throttled the process")
    if _stolen(before, after) > MOST_STOLEN:
        found.append("the hypervisor ran other guests (steal time)")
    if _external(before, after) > MOST_EXTERNAL:
        found.append("other processes used the CPU")
    return found


def _stolen(before: Reading, after: Reading) -> float:
    total_s = after.total_s - before.total_s
    return (after.stolen_s - before.stolen_s) / total_s if total_s > 0 else 0.0


def _external(before: Reading, after: Reading) -> float:
    """CPUs that other processes used; the system counts in ticks of 10 ms, and half of one is allowed for."""
    wall_s = after.now_s - before.now_s
    external_s = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    return max(0.0, external_s / wall_s) if wall_s > 0 else 0.0


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return None


def _cpu_s(path: Path) -> float:
    """A process's own CPU time; 0 where it has ended."""
    try:
        words = path.read_text("ascii", "replace").rpartition(")")[2].split()  # a name may hold spaces
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _text(fd: int | None) -> str:
    """The beginning of a file, as it is now."""
    return "" if fd is None else os.pread(fd, ENOUGH, 0).decode("ascii", "replace")


def _value(text: str, name: str) -> int:
    for line in text.splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0
