"""The `cvbench` command: collects the commands, and says a user's mistake without a traceback."""

from __future__ import annotations

import sys

import typer
from typer.core import TyperGroup

from cvbench.cli import (
    calibrate,
    check,
    compare,
    data,
    duet,
    env,
    explain,
    invariance,
    list_,
    plan,
    report,
    run,
    schema,
    score,
    show,
    weights,
)
from cvbench.errors import CvbenchError


class _Group(TyperGroup):
    """Turns a CvbenchError into its message on standard error and its exit code."""

    def main(self, *args: object, **kwargs: object) -> object:
        try:
            return super().main(*args, **kwargs)  # type: ignore[arg-type]
        except CvbenchError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(error.exit_code)
        except BrokenPipeError:
            # whoever read our output has had enough, as `| head` does
            sys.stderr.close()
            sys.exit(0)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Which vision architecture, at what price, and did today's change make it worse?",
    epilog="Exit codes: 0 pass · 1 regression or missed expectation · 2 usage or suite error · "
    "3 a cell failed · 4 inconclusive · 5 not comparable",
)
app.command()(run.run)
app.command()(plan.plan)
app.command(name="list")(list_.list_)
app.command()(show.show)
app.command()(report.report)
app.command()(score.score)
app.command()(explain.explain)
app.command()(compare.compare)
app.command()(check.check)
app.command()(duet.duet)
app.command()(invariance.invariance)
app.command()(calibrate.calibrate)
app.add_typer(data.app, name="data")
app.add_typer(weights.app, name="weights")
app.command()(env.env)
app.command()(schema.schema)
