"""Whether memory was what ended a worker: by the exception, or by the control group's count of kills."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path("/")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was what failed; torch's CPU allocator has no type of its own for it."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )


def memory_kills(root: Path = ROOT) -> int:
    """Number of processes of this control group that the system killed because memory ran out.

    Read from `memory.events` (version 2) or `memory.oom_control` (version 1); 0 where neither tells.
    `root` is the folder that holds `proc` and `sys`.
    """
    for file in _counters(root):
        try:
            lines = file.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            continue
        counts = [
            words[1] for words in map(str.split, lines) if words[:1] == ["oom_kill"] and len(words) == 2
        ]
        if counts and counts[0].isdigit():
            return int(counts[0])
    return 0


def _counters(root: Path) -> list[Path]:
    """Where the count may be, nearest first: in a container, the group's own path may begin at the mount."""
    mount = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    groups = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    own = [(kinds.split(","), path.strip("/")) for _, kinds, path in groups]
    second = [mount / path / "memory.events" for kinds, path in own if kinds == [""]]
    second += [mount / "unified" / path / "memory.events" for kinds, path in own if kinds == [""]]
    first = [mount / "memory" / path / "memory.oom_control" for kinds, path in own if "memory" in kinds]
    return [*first, *second, mount / "memory.events", mount / "memory" / "memory.oom_control"]
