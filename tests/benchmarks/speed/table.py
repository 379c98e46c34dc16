"""Writes the reference table of speed: `python -m tests.benchmarks.speed.table [ROW …] [--out FOLDER]`.

Other rows are copied from the existing file, so a single row can be measured again; each row has its date.
"""

import argparse
import json
import re
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from cvbench.files import write_whole
from cvbench.runner.environment import probe
from tests.benchmarks.speed.fresh import NUMBA, child
from tests.benchmarks.speed.measuring import Timed, measure, ratios
from tests.benchmarks.speed.peers import PROGRAMS, files_of
from tests.benchmarks.speed.rows import ROWS
from tests.benchmarks.speed.scenes import boxes_at_size

FOLDER = Path("results/reference")
MIB = 2**20


def measured(name: str) -> dict[str, Any]:
    """One row, as stored in JSON."""
    row = ROWS[name]
    times = measure(row, row.contenders())
    if row.again is not None:
        more = measure(row, row.again())
        times = {who: Timed(timed.seconds + more[who].seconds, timed.missing) for who, timed in times.items()}
    entry = {
        who: {"seconds": list(timed.seconds), "missing": timed.missing, "version": _version(who)}
        for who, timed in times.items()
    }
    return {"work": row.work, "asked": row.asked, **_when(), "contenders": entry}


def peaks() -> dict[str, Any]:
    """Peak memory of the first row, with each contender in its own process."""
    files = files_of("boxes", boxes_at_size())
    ours = {"cvbench": child("memory", "cvbench")}
    theirs = {who: child("memory", who, str(files.truth), str(files.results)) for who in PROGRAMS}
    return {"bytes": ours | theirs, **_when()}


def compiling() -> dict[str, Any]:
    """Times of first calls in a new process without and with cached kernels, and of compiling everything."""
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (child("first-calls", NUMBA_CACHE_DIR=cache) for _ in range(2))
    with tempfile.TemporaryDirectory() as cache:
        ahead = child("ahead", NUMBA_CACHE_DIR=cache)
    return {"cold_s": cold, "warm_s": warm, "ahead_s": ahead, **_when()}


OTHERS = {"memory": peaks, "first-calls": compiling}


def markdown(kept: dict[str, Any]) -> str:
    """The table in Markdown."""
    machine = ", ".join(f"{name} {value}" for name, value in kept["machine"].items() if value)
    lines = [
        f"# Speed on {kept['class']}",
        "",
        f"Written by `nox -s speed`; {machine}.",
        "Median of the rounds in seconds, and their quartiles in brackets; contenders took turns in one",
        "process. The ratio is how many times as long as cvbench a contender took, round by round.",
        "",
        "| work | asked | who | median (quartiles), s | rounds | ratio (quartiles) | measured, load |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in (kept["rows"][name] for name in ROWS if name in kept["rows"]):
        times = {who: Timed(tuple(c["seconds"]), c["missing"]) for who, c in row["contenders"].items()}
        for place, (who, timed) in enumerate(times.items()):
            head = f"| {row['work']} | {row['asked']} |" if place == 0 else "| | |"
            name = " ".join(filter(None, (who, row["contenders"][who]["version"])))
            lines.append(
                f"{head} {name} | {_cells(times['cvbench'], timed)} | {row['taken']}, {row['load']} |"
            )
    if "memory" in kept["rows"]:
        lines += ["", "## Peak memory of the first row, above what the data take", ""]
        lines += ["| who | MiB | share of pycocotools' |", "|---|---|---|"]
        used = kept["rows"]["memory"]["bytes"]
        lines += [f"| {who} | {of / MIB:.0f} | {of / used['pycocotools']:.1%} |" for who, of in used.items()]
    if "first-calls" in kept["rows"]:
        calls = kept["rows"]["first-calls"]
        lines += ["", "## First calls in a new process, beyond second calls, in processor seconds", ""]
        lines += ["| piece | nothing compiled, s | all compiled, s |", "|---|---|---|"]
        lines += [
            f"| {name} | {cold:.2f} | {calls['warm_s'][name]:.3f} |" for name, cold in calls["cold_s"].items()
        ]
        cold, warm = (
            sum(took for name, took in calls[state].items() if name != NUMBA)
            for state in ("cold_s", "warm_s")
        )
        lines.append(f"| all but numba itself (asked: 15 and 0.3) | {cold:.2f} | {warm:.3f} |")
        if "ahead_s" in calls:
            lines += [
                "",
                f"All of it ahead, on all cores (`cvbench env --compile`): {calls['ahead_s']:.1f} s.",
            ]
    return "\n".join(lines) + "\n"


def _cells(ours: Timed, timed: Timed) -> str:
    if timed.missing:
        return f"{timed.missing} | | "
    low, median, high = timed.quartiles()
    times = f"{median:.4g} ({low:.4g} to {high:.4g})"
    if timed is ours or not ours.seconds:
        return f"{times} | {len(timed.seconds)} | "
    low, median, high = ratios(ours, timed)
    return f"{times} | {len(timed.seconds)} | {median:.2f} ({low:.2f} to {high:.2f})"


def _when() -> dict[str, Any]:
    """Date, and load: the 1-minute load average after the work."""
    load = Path("/proc/loadavg").read_text().split()[0]
    return {"taken": time.strftime("%Y-%m-%d", time.gmtime()), "load": f"load {load}"}


def _version(who: str) -> str:
    try:
        return version(who.removeprefix("NumPy bincount") or "numpy")
    except PackageNotFoundError:
        return ""


def machine_class(hard: dict[str, Any]) -> str:
    """A name shared by machines with comparable speed, such as `amd-epyc-23-1-2-2t`."""
    words = f"{hard.get('gpu') or ''} {hard['cpu']} {hard['cpu_family']} {hard['cpu_threads']}t"
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def main() -> None:
    """Measure and write both files."""
    known = {**ROWS, **OTHERS}
    parser = argparse.ArgumentParser(description="Writes the reference table of speed.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all, or some of: {', '.join(known)}")
    parser.add_argument("--out", type=Path, default=FOLDER)
    asked = parser.parse_args()
    unknown = [name for name in asked.rows if name not in known]
    if unknown:
        parser.error(f"there is no row {unknown[0]!r}; there are {', '.join(known)}")
    hard = dict(probe().hard)
    name = machine_class(hard)
    file = asked.out / f"speed-{name}.json"
    kept = json.loads(file.read_text()) if file.exists() else {"schema": 1, "rows": {}}
    kept |= {"class": name, "machine": hard | {"torch_threads": torch.get_num_threads()}}
    asked.out.mkdir(parents=True, exist_ok=True)
    for row in asked.rows or known:
        kept["rows"][row] = OTHERS[row]() if row in OTHERS else measured(row)
        write_whole(file, (json.dumps(kept, indent=1) + "\n").encode())
        write_whole(file.with_suffix(".md"), markdown(kept).encode())
        print(f"{row}: measured", flush=True)


if __name__ == "__main__":
    main()
