"""`cvbench check`: the gate in CI: compare a run with its floors and a baseline."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvbench.cli.output import RESULTS, AllowSkips, AsJson, JUnitFile, OutFolder, earlier_lines, print_json
from cvbench.errors import InputError

if TYPE_CHECKING:
    from cvbench.compare.comparison import Comparison
    from cvbench.compare.gate.result import Answer, Item
    from cvbench.store import Run


INCONCLUSIVE = 4
"""The exit code of a check that cannot decide."""


class Doubt(str, Enum):  # noqa: UP042, typer shows it as a choice
    """How inconclusive metrics are treated."""

    passing = "pass"
    failing = "fail"


def check(  # noqa: PLR0917, options are given by name on the command line
    run: Annotated[str, typer.Argument(help="The run to check, by folder or name.")],
    against: Annotated[
        str | None,
        typer.Option(help="A run or baseline file. Without it, only cells and floors are checked."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Make this run the baseline, and add it to the history.")
    ] = False,
    on_inconclusive: Annotated[
        Doubt | None,
        typer.Option(help="How to treat inconclusive metrics (default: exit code 4)."),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics", "--figures", help="Metrics to check instead of the primary ones: top1, latency*."
        ),
    ] = None,
    junit: JUnitFile = None,
    summary: Annotated[Path | None, typer.Option(help="Write a summary in Markdown to this file.")] = None,
    out: OutFolder = RESULTS,
    force: Annotated[
        bool, typer.Option("--force", help="Update even if the check fails or the machine differs.")
    ] = False,
    allow_skips: AllowSkips = False,
    as_json: AsJson = False,
) -> None:
    """Check RUN: cells finished or skipped, floors and published values met, nothing worse than the baseline.

    Cells that an earlier command left in the run (another --limit, other overrides) are listed, not judged.

    Exit codes: 0 pass, 1 regression or missed floor, 3 a cell failed, is missing, or lacks its data or
    weights, 4 inconclusive, 5 not comparable. Under GitHub Actions, annotations and a job summary are written
    automatically.
    """
    from cvbench.compare.gate import check as gate
    from cvbench.compare.gate.floors import check_run
    from cvbench.compare.gate.result import counted, exit_code, remedy
    from cvbench.store import Store

    found = Store(out).find(run)
    records = found.records()
    if not records:
        raise gate.nothing_to_check(found)
    items = check_run(found, records, allow_skips=allow_skips)
    steps, comparison = list[str](), None
    if against:
        done = gate.check_against(found, against, metrics=metrics, out=out)
        items, comparison, steps = [*items, *done.items], done.comparison, done.steps
    code = exit_code(items, None if on_inconclusive is None else on_inconclusive.value)
    suite = found.folder.parent.name
    _write(items, comparison, suite, junit=junit, summary=summary)
    if as_json:
        answers = [
            {"cell": i.cell, "about": i.about, "answer": i.answer.value, "message": i.message} for i in items
        ]
        print_json({"schema": 1, "kind": "check", "exit_code": code, "items": answers})
    else:
        for item in sorted(items, key=lambda item: item.answer.value == "pass"):
            typer.echo(f"{styled(item.answer)} {item.name}: {item.message}")
        for line in steps:
            typer.echo(f"history: {line}")
        for line in earlier_lines(found):
            typer.echo(line)
        typer.secho(f"\n{counted(items)}", bold=True)
        if on_inconclusive is None and code == INCONCLUSIVE:
            typer.echo(remedy(items))
    if update:
        _update(found, against, out, passed=code in (0, 4), force=force, quiet=as_json)
    raise typer.Exit(code)


def styled(answer: Answer) -> str:
    """The answer in 14 columns, colored by its meaning unless `NO_COLOR` is set."""
    color = {"pass": "green", "regression": "red", "failed": "red"}.get(answer.value, "yellow")
    return typer.style(f"{answer.value:14}", fg=None if os.environ.get("NO_COLOR") else color)


def _write(
    items: list[Item], comparison: Comparison | None, suite: str, *, junit: Path | None, summary: Path | None
) -> None:
    from cvbench.compare.gate import ci_output
    from cvbench.files import write_new

    if junit is not None:
        write_new(junit, ci_output.junit(items, suite), force=True)  # CI writes it in each job
    page = ci_output.summary(items, comparison, suite)
    if summary is not None:
        write_new(summary, page.encode(), force=True)
    ci_output.to_github(items, page)


def _update(run: Run, against: str | None, out: Path, *, passed: bool, force: bool, quiet: bool) -> None:
    from cvbench.compare.gate.baselines import default_path, pack, read_baseline, to_json
    from cvbench.files import write_new

    given = against is not None and Path(against).suffix == ".json"
    path = Path(str(against)) if given else default_path(run)
    before = out / path  # among the results, where earlier versions wrote it
    source = before if not given and before.exists() and not path.exists() else path
    previous = read_baseline(source) if source.exists() else None
    new = pack(run, previous)
    if previous is not None and not force:
        if not passed:
            raise InputError(
                f"{path}: not updated, because the check failed.\n  Accept the loss with --force."
            )
        if previous.machine != new.machine:
            raise InputError(
                f"{path}: it is the baseline of another machine, {previous.machine}; this run is of "
                f"{new.machine}.\n  Without --against it goes to its own file; --force replaces this."
            )
    write_new(path, to_json(new), force=True)
    jobs = "1 job" if len(new.jobs) == 1 else f"{len(new.jobs)} jobs"
    typer.echo(f"baseline: {path} ({jobs})", err=quiet)
    if source != path:
        typer.echo(f"  It continues {source}, which is no longer used: commit {path} instead.", err=quiet)
    if not given:
        typer.echo(f"  Commit it, then check later runs: cvbench check RUN --against {path}", err=quiet)
