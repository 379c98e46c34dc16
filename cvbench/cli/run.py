"""`cvbench run`: run the cells of a suite and show the results."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvbench.cli.output import (
    RESULTS,
    AllowSkips,
    AsJson,
    Fresh,
    Limit,
    Only,
    OutFolder,
    Overrides,
    SuiteFile,
    chosen_cells,
)
from cvbench.report.skips import skip_lines

if TYPE_CHECKING:
    from cvbench.runner.session import Session

INTERRUPTED = 130


def run(  # noqa: PLR0917, options are given by name on the command line
    suite: SuiteFile,
    overrides: Overrides = None,
    out: OutFolder = RESULTS,
    only: Only = None,
    limit: Limit = None,
    fresh: Fresh = False,
    allow_skips: AllowSkips = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show no progress, only results and problems.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run SUITE: train or load each model, score it, time it, and store one record per cell.

    Run the same command again to resume: finished cells are not repeated, failed cells are tried again.

    Exit codes: 0 all cells finished, 1 a floor or published value is missed, 3 a cell failed, or was skipped
    because its data or weights are missing (unless --allow-skips).
    """
    from rich.console import Console

    from cvbench.cli.display import Display
    from cvbench.compare.gate.floors import check_records
    from cvbench.compare.gate.result import Answer, exit_code
    from cvbench.report.terminal import print_tables
    from cvbench.report.text_table import print_text
    from cvbench.runner import session
    from cvbench.spec.suite.planning import lacks_files

    wanted = chosen_cells(suite, overrides, only=only, limit=limit)
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, _interrupt)
    progress = Console(stderr=as_json, highlight=False, soft_wrap=True, quiet=quiet)
    display = Display(progress, wanted.cells)
    with session.opened(wanted, out=out, listener=display, fresh=fresh) as opened:
        for notice in opened.notices:
            progress.print(f"note: {notice}", markup=False)
        progress.print(f"Expected time: {_expected(opened, out)}.", markup=False)
        try:
            with display:
                for _ in opened.run_suite():
                    pass
        except KeyboardInterrupt:
            done = sum(record.outcome == "ok" for record in opened.records)
            console.print(
                f"\nStopped. {done} of {len(wanted.cells)} cells are finished; their results are in "
                f"{opened.run.folder}.\n"
                "Run the same command again to resume."
            )
            raise typer.Exit(INTERRUPTED) from None
        folder, records = opened.run.folder, opened.records
    if as_json:
        document = {"run": str(folder), "records": [record.model_dump(mode="json") for record in records]}
        typer.echo(json.dumps(document))
    print_tables(records, console)
    skips = [(record.cell, record.reason or "") for record in records if record.outcome == "skipped"]
    for line in skip_lines(skips, str(suite)):
        print_text(f"skipped: {line}", console=console)
    console.print(f"\nResults: {folder}", markup=False)
    items = check_records(records, wanted.expectations, allow_skips=allow_skips)
    missing = [record for record in records if record.outcome == "skipped" and lacks_files(record.reason)]
    if missing and not allow_skips:
        console.print(
            f"{len(missing)} of {len(records)} cells were skipped: their data or weights are missing.\n"
            "  Add the files listed above, or accept skipped cells with --allow-skips.",
            style="red",
            markup=False,
        )
    elif records and all(record.outcome == "skipped" for record in records):
        console.print("Nothing was measured: every cell was skipped, for the reasons above.", markup=False)
    for item in items:
        if item.answer is Answer.REGRESSION:
            console.print(f"missed expectation: {item.cell}: {item.message}", style="red", markup=False)
    raise typer.Exit(exit_code(items))


def _expected(opened: Session, out: Path) -> str:
    """The expected duration of all cells that are not finished."""
    from cvbench.cli.durations import SKIPPED, earlier_records, expected, forecast

    plans = opened.unfinished()
    if not plans:
        return "nothing to do, every cell is finished"
    known, machine = earlier_records(out), opened.run.info.environment.hard
    return expected([SKIPPED if one.skip else forecast(one.cell, known, machine) for one in plans])


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
