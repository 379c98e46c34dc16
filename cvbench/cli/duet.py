"""`cvbench duet`: time two states of a project side by side on a noisy machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from cvbench.cli.output import AsJson, JUnitFile, Only, print_json
from cvbench.compare.gate.result import Answer, Item
from cvbench.report.text_table import print_table

if TYPE_CHECKING:  # NumPy comes with them
    from cvbench.runner.ab.verdicts import BenchmarkVerdict, Verdicts
    from cvbench.statistics.verdicts import Verdict


class Lengths(NamedTuple):
    """Numbers of rounds of a comparison."""

    screening: int
    most: int
    """The most rounds of the second stage."""


USUAL, QUICK = Lengths(5, 30), Lengths(3, 8)


def duet(  # noqa: PLR0917, options are given by name on the command line
    suite: Annotated[Path, typer.Argument(help="A suite file; both sides run it as it is in this folder.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]…", help="Changes to the suite, for both sides.")
    ] = None,
    base: Annotated[
        str, typer.Option(help="A commit, or a setting such as models.0.weights=old.pth.")
    ] = "HEAD",
    head: Annotated[str | None, typer.Option(help="The other commit or setting; by default HEAD.")] = None,
    setup: Annotated[
        str | None, typer.Option(help="A command that builds each worktree, such as `uv sync`.")
    ] = None,
    python: Annotated[
        str | None, typer.Option(help="Each worktree's interpreter, such as .venv/bin/python.")
    ] = None,
    only: Only = None,
    rounds: Annotated[
        int | None, typer.Option(min=2, help="Rounds of the first stage: 5, or 3 with --quick.")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Fewer rounds: as few false alarms, but finds only large changes."),
    ] = False,
    null: Annotated[
        bool,
        typer.Option(
            "--null/--no-null", help="Time the base against itself before a model is called slower or faster."
        ),
    ] = True,
    seed: Annotated[int | None, typer.Option(help="Random seed of the order of time slots.")] = None,
    junit: JUnitFile = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write all results and raw time slots as .json.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 4 if a result is inconclusive.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Time BASE and HEAD side by side, in alternating processes; new rounds confirm each difference.

    Models have the weights that the suite names, or random ones from its seed: nothing is trained.

    Exit codes: 0 nothing is slower, 1 something is, 4 (with --strict) inconclusive, 5 the base fails.
    """
    import json

    from cvbench.compare.gate import ci_output
    from cvbench.compare.gate.result import exit_code
    from cvbench.files import write_new
    from cvbench.runner.ab.session import run_ab
    from cvbench.runner.ab.sides import open_sides
    from cvbench.runner.ab.verdicts import document

    began = time.monotonic()
    with open_sides(suite, overrides or [], base=base, head=head, setup=setup, python=python) as pair:
        verdicts = run_ab(
            *pair,
            only=only,
            rounds=rounds or (QUICK.screening if quick else USUAL.screening),
            most_rounds=(QUICK if quick else USUAL).most,
            with_null=null,
            seed=seed,
            tell=lambda line: typer.echo(line, err=True),
        )
        names = pair[0].name, pair[1].name
    about = {"suite": str(suite), "base": names[0], "head": names[1], "wall_s": time.monotonic() - began}
    content = document(verdicts, **about)
    found = items(verdicts)
    if output is not None:
        write_new(output, (json.dumps(content) + "\n").encode(), force=True)
    if junit is not None:
        write_new(junit, ci_output.junit(found, suite.stem), force=True)
    ci_output.to_github(found, ci_output.summary(found, None, f"{suite.stem}: {names[1]} against {names[0]}"))
    if as_json:
        print_json({key: value for key, value in content.items() if key != "raw"})
    else:
        print_table(rows(verdicts))
        typer.secho(f"\n{names[1]} against {names[0]}: {summary(verdicts)}", bold=True)
    raise typer.Exit(exit_code(found, None if strict else "pass"))


_ANSWERS: dict[Verdict, Answer] = {
    "worse": Answer.REGRESSION,
    "better": Answer.PASS,
    "same": Answer.PASS,
    "inconclusive": Answer.INCONCLUSIVE,
    "not comparable": Answer.INCOMPARABLE,
}


def items(verdicts: Verdicts) -> list[Item]:
    """One item per benchmark."""
    return [Item(o.name, "time", _ANSWERS[o.verdict], told(o)) for o in verdicts.outcomes]


def told(outcome: BenchmarkVerdict) -> str:
    """`+5.2 % (+3.1 % … +7.3 %), 9 rounds; detectable: 4.4 %`."""
    from cvbench.runner.ab.verdicts import blurred

    if outcome.ratio is None or outcome.interval is None or outcome.detectable is None:
        return outcome.reason
    ends = " … ".join(_percent(end) for end in outcome.interval)
    seen = f"; detectable: {100 * (outcome.detectable - 1):.1f} %"
    if outcome.reason == blurred(outcome.detectable):
        seen = ""  # the reason says it
    why = f" - {outcome.reason}" if outcome.reason else ""
    return f"{_percent(outcome.ratio)} ({ends}), {outcome.rounds} rounds{seen}{why}"


def rows(verdicts: Verdicts) -> list[dict[str, str]]:
    """One row per benchmark, the null control last."""
    known = [*verdicts.outcomes, *([verdicts.null] if verdicts.null else [])]
    return [
        {
            "benchmark": o.name + (" (null control)" if o is verdicts.null else ""),
            "verdict": o.verdict,
            "stage": str(o.stage),
            "time": told(o),
        }
        for o in known
    ]


def summary(verdicts: Verdicts) -> str:
    """`1 worse, 3 same`."""
    words = [o.verdict for o in verdicts.outcomes]
    return ", ".join(f"{words.count(word)} {word}" for word in _ANSWERS if word in words)


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"
