"""The `cvbench` command: finds subcommands, and reports user errors without a traceback."""

from __future__ import annotations

import io
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer
from typer.core import TyperGroup

import cvbench
from cvbench.errors import CvbenchError, Trusted, cut, is_refusal, printable, refusal
from cvbench.spec.folders import compile_caches, has_home

COMMANDS = {
    "init": "init:init",
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
    "new": "new:app",
    "data": "data:app",
    "weights": "weights:app",
}
"""Name → module of `cvbench.cli` and its function or Typer app."""

ALIASES = {"ab": "duet"}
"""Other name → its command; help lists it with that command only."""


class _Commands(Mapping[str, Any]):
    """The commands, each imported on first use, so that no command waits for the imports of another."""

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


BUG: Final = 70
"""EX_SOFTWARE of sysexits.h: an internal error, not a result about a model."""


class _Group(TyperGroup):
    """Turns each error of a command into a message on standard error and an exit code."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Commands()  # type: ignore[assignment]

    def main(self, *args: object, **kwargs: object) -> object:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # characters that the terminal lacks are replaced
                stream.reconfigure(errors="replace")
        if not has_home():  # numba would make a folder named "~" where the command works
            os.environ.update(compile_caches())
        with filtered_output():
            return super().main(*args, **kwargs)  # type: ignore[arg-type]

    def invoke(self, ctx: Any) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            # the reader of the output stopped, as `| head` does
            _discard(sys.stdout)
            raise typer.Exit(0) from None
        except Exception as error:  # a bug must not exit with 1, which says "regression"
            if type(error).__module__.startswith(("typer", "click")):  # how typer ends a command
                raise
            code = _tell(error, debug=ctx.params.get("debug", False))
            if isinstance(error, OSError):
                _discard(sys.stdout)  # a full disk may have refused what is left in it
            raise typer.Exit(code) from None


def _tell(error: Exception, *, debug: bool) -> int:
    """Write the error that ended a command to standard error; returns its exit code."""
    if isinstance(error, CvbenchError):
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    if isinstance(error, OSError) and is_refusal(error):
        sys.stderr.write(f"{refusal(error)}\n")
        return CvbenchError.exit_code
    if isinstance(error, MemoryError):
        sys.stderr.write("This machine is out of memory.\n  Free memory, or use a smaller input.\n")
        return CvbenchError.exit_code
    if debug:
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    what = cut(" ".join(f"{type(error).__name__}: {error}".split()), 300)
    sys.stderr.write(
        f"This is a bug in cvbench: {what} ({place}). Please report it with the output of `cvbench env` "
        "and of your command with --debug: cvbench --debug …\n"
    )
    return BUG


def _discard(stream: Any) -> None:
    """Discard what is left in the stream, so that it cannot fail at exit."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        return  # not a file


_OWN: Final = re.compile(r"(\x1b\[[0-9;?]*[A-Za-z]|\r)")
"""Colors and cursor movements that cvbench itself sends to a terminal."""
_COMMAND: Final = re.compile(r"^(\s*):(?=:)|##(?=\[)", re.MULTILINE)
"""The start of a GitHub workflow command, in both forms."""


def filtered(text: str, *, terminal: bool) -> str:
    r"""Text that is safe to print: control characters are escaped, and no line is a GitHub Actions command.

    Only a `terminal` gets colors and cursor movements. Under `GITHUB_ACTIONS`, `::` at the start of a line is
    written as `: :`.

    >>> print(filtered("a\x1b]0;title\x07\u202e", terminal=True))
    a\u001b]0;title\u0007\u202e
    """
    if isinstance(text, Trusted):
        return text
    if terminal:
        parts = _OWN.split(text)
        return "".join(part if n % 2 else printable(part, lines=True) for n, part in enumerate(parts))
    text = printable(text, lines=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        text = _COMMAND.sub(lambda found: "# #" if found[0] == "##" else f"{found[1]}: ", text)
    return text


@contextmanager
def filtered_output() -> Iterator[None]:
    """Filter standard output and standard error while the block lasts."""
    streams = [stream for stream in (sys.stdout, sys.stderr) if stream is not None]
    changed = [stream for stream in streams if _put_filter(stream)]
    try:
        yield
    finally:
        for stream in changed:
            del stream.write  # the method of its class again


def _put_filter(stream: TextIO) -> bool:
    if "write" in vars(stream):  # set by a command that calls another
        return False
    write: Any = stream.write
    terminal = stream.isatty()
    stream.write = lambda text: write(filtered(text, terminal=terminal))  # type: ignore[method-assign]
    return True


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Benchmark and evaluate vision models: accuracy, latency, memory, and regressions.",
    epilog="Exit codes: 0 pass · 1 regression or missed expectation · 2 usage or suite error · "
    "3 a cell failed or lacks its files · 4 inconclusive · 5 not comparable · 70 a bug in cvbench · "
    "130 interrupted",
)


def _show_version(asked: bool) -> bool:
    if asked:
        typer.echo(f"cvbench {cvbench.__version__}")
        raise typer.Exit
    return asked


@app.callback()
def _cvbench(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="CVBENCH_DEBUG", help="Show the traceback of a bug in cvbench.")
    ] = False,
) -> None:
    """Every command is listed in COMMANDS."""
