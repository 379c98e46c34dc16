"""A process that reads damaged inputs one after the other, and reports the result of each.

    python -m tests.benchmarks.fuzz.worker SOUND WORK SEED FIRST LAST [READER …]

It writes one line of JSON before and after each input, so the parent knows which input it hangs or dies on.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cvbench.cli import main as cli
from cvbench.compare import accuracy
from tests.benchmarks.fuzz.readers import READERS, Input, load, write_damaged

MOST_BYTES = 2 * 2**30


def place_of(error: BaseException) -> str:
    """The innermost line of the package in a traceback."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if "/cvbench/" in f.filename and "/tests/" not in f.filename
    ]
    if not frames:
        return "outside of the package"
    last = frames[-1]
    return f"cvbench/{last.filename.rsplit('/cvbench/', 1)[1]}:{last.lineno} in {last.name}"


def fault_of(given: Input, caught: list[Exception]) -> dict[str, Any] | None:
    """Run the command; return its fault (traceback, memory), or None."""
    caught.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        if given.command[0] == "load":
            load(Path(given.command[1]))
        else:
            CliRunner().invoke(cli.app, list(given.command))
    except Exception as error:  # noqa: BLE001, any exception is a fault
        caught.append(error)
    for error in caught:
        kind = "memory" if isinstance(error, MemoryError) else "traceback"
        lines = traceback.format_exception(error)
        return {
            "kind": kind,
            "type": type(error).__name__,
            "place": place_of(error),
            "traceback": "".join(lines)[-3000:],
        }
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if used * 1024 > MOST_BYTES and used > before:
        return {"kind": "memory", "type": f"{used >> 10} MiB", "place": given.command[0], "traceback": ""}
    return None


def main(sound: Path, work: Path, seed: str, first: int, last: int, names: list[str]) -> None:
    """Read the inputs from `first` to `last` (exclusive) with the readers `names`."""
    out, shown = os.fdopen(os.dup(1), "w", buffering=1), os.fdopen(os.dup(2), "w", buffering=1)
    with Path(os.devnull).open("w") as null:
        os.dup2(null.fileno(), 2)
        os.dup2(null.fileno(), 1)
    warnings.simplefilter("ignore")
    caught: list[Exception] = []
    tell = cli._tell

    def told(error: Exception, *, debug: bool) -> int:
        code = tell(error, debug=debug)
        if code == cli.BUG or isinstance(error, MemoryError):
            caught.append(error)
        return code

    cli._tell = told
    accuracy.RESAMPLES = 10
    _warm(sound, work, names)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(first, last):
        folder = work / str(number)
        try:
            given = write_damaged(sound, folder, names, f"{seed}/{number}")
        except Exception:
            traceback.print_exc(file=shown)  # a fault of the fuzzing itself
            raise
        out.write(json.dumps({"begins": number, "reader": given.reader, "command": given.command}) + "\n")
        os.chdir(folder)
        fault = fault_of(given, caught)
        out.write(json.dumps({"ends": number, "fault": fault}) + "\n")
        os.chdir(work)
        if fault is None:
            shutil.rmtree(folder)


def _warm(sound: Path, work: Path, names: list[str]) -> None:
    """Run each command of these readers once with a valid input, to compile kernels and import modules."""
    for name in names:
        folder = work / "sound" / name.replace(" ", "-")
        shutil.copytree(sound / READERS[name].folder, folder)
        os.chdir(folder)
        for command in READERS[name].commands:
            with contextlib.suppress(Exception):
                fault_of(Input(name, command), [])
    os.chdir(work)
    shutil.rmtree(work / "sound")


if __name__ == "__main__":
    paths, numbers = sys.argv[1:3], sys.argv[4:6]
    main(
        Path(paths[0]),
        Path(paths[1]),
        sys.argv[3],
        int(numbers[0]),
        int(numbers[1]),
        sys.argv[6:] or list(READERS),
    )
