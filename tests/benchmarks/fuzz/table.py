"""Fuzzing of the readers: `nox -s fuzz -- --inputs 10000 --seed 1 [--readers record baseline] [--keep DIR]`.

Each input is a valid one with small damage. A command reads it in a process that may allocate 2 GiB more and
take 10 s. Tracebacks, hangs, excessive memory and deaths of the process are counted; for each place in the
package, the first input is stored with its command. Exits with 1 if there are any.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.fuzz.readers import READERS, write_inputs

MOST_S = 10.0
STARTING_S = 300.0


@dataclass
class Tally:
    """Counts of inputs and faults."""

    inputs: Counter[str] = field(default_factory=Counter)
    """Per reader."""
    faults: dict[tuple[str, str, str, str], list[int]] = field(default_factory=dict)
    """Reader, kind, exception and place → the inputs' numbers."""
    slowest_s: float = 0.0

    def table(self) -> str:
        """One line per reader, then one per unique fault."""
        lines = [f"{'reader':16} {'inputs':>7} {'tracebacks':>10} {'hangs':>6} {'memory':>6} {'deaths':>6}"]
        for name in READERS:
            kinds = Counter[str]()
            for (reader, kind, _, _), numbers in self.faults.items():
                kinds[kind] += len(numbers) if reader == name else 0
            counts = " ".join(
                f"{kinds[k]:>{w}}" for k, w in (("traceback", 10), ("hang", 6), ("memory", 6), ("death", 6))
            )
            lines.append(f"{name:16} {self.inputs[name]:>7} {counts}")
        slowest = f"slowest {self.slowest_s:.1f} s, {len(self.faults)} unique faults"
        lines.append(f"{'all':16} {self.inputs.total():>7}   {slowest}")
        lines += [
            f"{kind}: {reader}: {what} at {place}  x{len(numbers)}, first {numbers[0]}"
            for (reader, kind, what, place), numbers in sorted(self.faults.items())
        ]
        return "\n".join(lines)


def fuzz(
    inputs: int, seed: str, readers: list[str], keep: Path | None, *, say: bool = False, first: int = 0
) -> Tally:
    """Read this number of damaged inputs; store the first input of each unique fault in `keep`."""
    tally = Tally()
    with TemporaryDirectory(prefix="cvbench-fuzz-") as name:
        sound, work = Path(name) / "sound", Path(name) / "work"
        write_inputs(sound)
        number, last = first, first + inputs
        while number < last:
            work.mkdir()
            number = _part(tally, (sound, work), (seed, number, last, readers), keep)
            shutil.rmtree(work, ignore_errors=True)
            if say:
                sys.stderr.write(f"{number - first} of {inputs}, {len(tally.faults)} unique faults\n")
    return tally


def _part(
    tally: Tally, paths: tuple[Path, Path], what: tuple[str, int, int, list[str]], keep: Path | None
) -> int:
    """Read inputs until the last one or until the process ends; return the next number."""
    seed, number, last, readers = what
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.fuzz.worker",
        *map(str, paths),
        seed,
        str(number),
        str(last),
        *readers,
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")])),
    }
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert worker.stdout is not None
    begun: dict[str, Any] | None = None
    since, most = time.monotonic(), STARTING_S
    buffer = b""
    try:
        while True:
            ready, _, _ = select.select([worker.stdout], [], [], max(0.0, since + most - time.monotonic()))
            chunk = os.read(worker.stdout.fileno(), 1 << 16) if ready else b""
            if not chunk:
                if begun is None:
                    if number < last:
                        raise RuntimeError(f"the worker ended with {worker.poll()} before input {number}")
                    return last
                kind = "death" if ready else "hang"
                ended = f"exit {worker.wait()}" if ready else f"over {MOST_S:g} s"
                fault = {"kind": kind, "type": ended, "place": shlex.join(begun["command"]), "traceback": ""}
                _note(tally, begun, fault, paths[1], keep)
                return int(begun["begins"]) + 1
            buffer += chunk
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                event = json.loads(line)
                now = time.monotonic()
                if "begins" in event:
                    begun = event
                    tally.inputs[event["reader"]] += 1
                else:
                    assert begun is not None
                    tally.slowest_s = max(tally.slowest_s, now - since)
                    if event["fault"] is not None:
                        _note(tally, begun, event["fault"], paths[1], keep)
                    begun, number = None, event["ends"] + 1
                since, most = now, MOST_S
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()


def _note(tally: Tally, begun: dict[str, Any], fault: dict[str, Any], work: Path, keep: Path | None) -> None:
    key = (begun["reader"], fault["kind"], fault["type"], fault["place"])
    numbers = tally.faults.setdefault(key, [])
    numbers.append(begun["begins"])
    folder = work / str(begun["begins"])
    if keep is not None and len(numbers) == 1 and folder.exists():
        kept = keep / str(begun["begins"])
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(
            folder,
            kept,
            symlinks=True,
            ignore=lambda at, names: [n for n in names if (Path(at) / n).is_fifo()],
        )
        what = f"{fault['kind']} {fault['type']} at {fault['place']}\n{fault['traceback']}"
        text = f"cvbench {shlex.join(begun['command'])}\n\n{what}"
        (kept / "COMMAND.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
    shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description=__doc__.split("\n")[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", default="0")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first input, to resume an earlier run"
    )
    parser.add_argument("--readers", nargs="+", default=list(READERS), choices=list(READERS))
    parser.add_argument("--keep", type=Path, help="folder for the inputs with faults")
    given = parser.parse_args()
    tally = fuzz(given.inputs, given.seed, given.readers, given.keep, say=True, first=given.first)
    sys.stdout.write(f"{tally.table()}\n")
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
