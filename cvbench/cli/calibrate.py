"""`cvbench calibrate`: the noise between jobs on this machine, and the slowdowns it can detect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cvbench.cli.output import (
    RESULTS,
    AsJson,
    Only,
    OutFolder,
    Overrides,
    chosen_cells,
    print_json,
)
from cvbench.report.text_table import print_table


def calibrate(
    suite: Annotated[Path, typer.Argument(help="A suite with rounds of timing: time: {rounds: 5}.")],
    overrides: Overrides = None,
    jobs: Annotated[int, typer.Option(min=2, help="Number of runs of the suite.")] = 5,
    only: Only = None,
    out: OutFolder = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Run SUITE several times and show the smallest slowdown this machine can detect, and at what cost.

    The noise is stored in results/noise, by type of machine; `cvbench compare` then includes it.
    """
    import time

    from cvbench.compare.gate.baselines import job_of
    from cvbench.compare.gate.noise import noise_of, noise_path, table
    from cvbench.files import write_new
    from cvbench.runner import session

    wanted = chosen_cells(suite, overrides, only=only)
    done, timed_s, rounds = [], 0.0, 0
    for number in range(jobs):
        typer.echo(f"job {number + 1} of {jobs}", err=True)
        began = time.monotonic()
        with session.opened(wanted, out=out, listener=session.Silence(), fresh=True) as opened:
            for _ in opened.run_suite():
                pass
            records, run = opened.records, opened.run
        timed_s += time.monotonic() - began
        rounds += max((len(record.rounds) for record in records), default=0)
        done.append(job_of(run, records))
    hard = records[0].environment.hard
    noise = noise_of(done, hard, seconds_a_round=timed_s / max(1, rounds))
    path = noise_path(hard, out)
    write_new(path, noise.model_dump_json(indent=1).encode() + b"\n", force=True)
    if as_json:
        print_json(noise.model_dump(mode="json"))
    else:
        print_table(table(noise, {record.key: record.cell.title for record in records}))
    typer.echo(f"\nnoise of {noise.machine}: {path}", err=as_json)
