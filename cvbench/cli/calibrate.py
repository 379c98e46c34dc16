"""`cvbench calibrate`: how much this machine varies by itself, and what can be seen through that."""

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
    print_table,
)


def calibrate(
    suite: Annotated[Path, typer.Argument(help="A suite that is timed in rounds: time: {rounds: 5}.")],
    overrides: Overrides = None,
    jobs: Annotated[int, typer.Option(min=2, help="How often the suite is run.")] = 5,
    only: Only = None,
    out: OutFolder = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Run SUITE against itself, and say what slowdown this machine can show, at which cost.

    The noise is kept in results/noise, by class of machine; `cvbench compare` then reckons with it.
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
