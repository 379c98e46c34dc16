"""The `cvbench` command: finds the commands, and says a user's mistake without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from cvbench.errors import CvbenchError

COMMANDS = {
    "run": "run:run",
    "plan": "plan:plan",
    "list": "list_:list_",
    "show": "show:show",
    "report": "report:report",
    "score": "score:score",
    "explain": "explain:explain",
    "compare": "compare:compare",
    "check": "check:check",
    "duet": "duet:duet",
    "invariance": "invariance:invariance",
    "calibrate": "calibrate:calibrate",
    "env": "env:env",
    "schema": "schema:schema",
    "data": "data:app",
    "weights": "weights:app",
}
"""Name → module of `cvbench.cli`, and what is there: a function, or an app of several."""

ALIASES = {"ab": "duet"}
"""Another name → the command that it stands for; listed with that command, not on its own."""


class _Commands(Mapping[str, Any]):
    """The commands, each imported when it is asked for: nobody waits for what others need."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = COMMANDS[ALIASES.get(name, name)].partition(":")
        known = getattr(import_module(f"cvbench.cli.{module}"), attribute)
        if isinstance(known, typer.Typer):
            command: Any = typer.main.get_group(known)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command(name)(known)
            command = typer.main.get_command(alone)
        command.name = name
        aliases = ", ".join(alias for alias, known in ALIASES.items() if known == name)
        if aliases:
            summary = (command.help or "").partition("\n")[0]
            command.short_help = f"{summary} Also: {aliases}."
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Group(TyperGroup):
    """Turns a CvbenchError into its message on standard error and its exit code."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Commands()  # type: ignore[assignment]

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


@app.callback()
def _cvbench() -> None:
    """All that there is stands in COMMANDS."""
