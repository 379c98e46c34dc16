"""`cvbench invariance`: whether a model's predictions depend on how it is run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvbench.cli.output import (
    RESULTS,
    AsJson,
    Fresh,
    Only,
    OutFolder,
    Overrides,
    SuiteFile,
    chosen_cells,
    print_json,
)
from cvbench.errors import InputError, suggestion
from cvbench.report.text_table import print_table

if TYPE_CHECKING:
    from cvbench.compare.invariance import Factor, VariantResult

DIFFERS, FAILED = 1, 3


def invariance(  # noqa: PLR0917 - each is an option of the command
    suite: SuiteFile,
    overrides: Overrides = None,
    vary: Annotated[
        str, typer.Option(help="Settings to vary, one at a time, separated by commas.")
    ] = "batch,layout,workers,compile,precision",
    batch: Annotated[int, typer.Option(min=2, help="Batch size to compare with single images.")] = 8,
    limit: Annotated[
        int, typer.Option(min=1, help="Number of images, spaced evenly with the cell's seed.")
    ] = 64,
    only: Only = None,
    out: OutFolder = RESULTS,
    fresh: Fresh = False,
    as_json: AsJson = False,
) -> None:
    """Run each model of SUITE in equivalent ways, and report whether the predictions agree.

    The reference runs image by image, in fp32, contiguous, eager, in one process. Each variant changes
    one setting. Exit code 1: predictions differ by more than rounding. 3: a cell failed.
    """
    from rich.console import Console

    from cvbench.cli.display import Display
    from cvbench.compare.invariance import check, invariance_suite
    from cvbench.runner import environment, session

    factors = _factors(vary)
    wanted = chosen_cells(suite, overrides, only=only, limit=limit)
    whole, variants = invariance_suite(wanted, factors=factors, batch=batch, has_gpu=environment.has_gpu())
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    display = Display(console, whole.cells)
    with session.opened(whole, out=out, listener=display, fresh=fresh) as opened:
        with display:
            records = list(opened.run_suite())
        findings = check(variants, records, opened.run)
        folder = opened.run.folder
    if as_json:
        print_json({"run": str(folder), "findings": [_document(one) for one in findings]})
    else:
        print_table([_row(one) for one in findings])
        for line in _worth_telling(findings):
            typer.echo(line)
    failed = any(record.outcome not in ("ok", "skipped") for record in records)
    if any(one.verdict == "differs" for one in findings):
        raise typer.Exit(DIFFERS)
    if failed:
        raise typer.Exit(FAILED)


def _factors(vary: str) -> list[Factor]:
    from cvbench.compare.invariance import FACTORS

    known = {str(factor): factor for factor in FACTORS}
    chosen: list[Factor] = []
    for word in vary.split(","):
        factor = known.get(word.strip())
        if factor is None:
            near = suggestion(word, FACTORS) or f"There are {', '.join(FACTORS)}."
            raise InputError(f'--vary {vary}: there is no setting "{word}" to vary.\n  {near}')
        chosen.append(factor)
    return chosen


def _row(finding: VariantResult) -> dict[str, str]:
    first, worst = finding.first, finding.worst
    return {
        "model": finding.model,
        "varied": finding.setting,
        "verdict": finding.verdict,
        "differing": "" if finding.verdict == "not run" else f"{finding.differing} of {finding.images}",
        "first": "" if first is None else f"{first.id} by {first.amount:.3g}",
        "largest": "" if worst is None else f"{worst.id} by {worst.amount:.3g}",
        "metrics": ", ".join(f"{name} {a:.4g} → {b:.4g}" for name, (a, b) in finding.figures.items()),
    }


def _worth_telling(findings: list[VariantResult]) -> list[str]:
    return [
        f"\n{one.model}, {one.setting}: {(one.reason or '').splitlines()[0]}"
        for one in findings
        if one.verdict == "not run"
    ]


def _document(finding: VariantResult) -> dict[str, Any]:
    return {
        **asdict(finding),
        "first": None if finding.first is None else finding.first._asdict(),
        "worst": None if finding.worst is None else finding.worst._asdict(),
    }
