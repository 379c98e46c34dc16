"""`cvbench env`: this machine, and what could disturb measurements on it."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from cvbench.cli.output import AsJson, print_json
from cvbench.runner import environment
from cvbench.units import show_seconds


def env(
    as_json: AsJson = False,
    compile_now: Annotated[
        bool,
        typer.Option("--compile", help="Compile all kernels now, once for this machine."),
    ] = False,
) -> None:
    """Show this machine as records describe it, and what could disturb measurements."""
    if compile_now:
        _compile()
        return
    found = environment.probe()
    disturbances = environment.disturbances()
    if as_json:
        document = {
            **found.model_dump(mode="json"),
            "disturbances": [{"finding": what, "remedy": remedy} for what, remedy in disturbances],
        }
        print_json(document)
        return
    for title, group in (
        ("must be equal to compare speed", found.hard),
        ("may matter", found.soft),
        ("current state", found.volatile),
    ):
        typer.secho(title, bold=True)
        for name, value in group.items():
            typer.echo(f"  {name:24} {'none' if value is None else value}")
    typer.secho("could disturb measurements", bold=True)
    for what, remedy in disturbances or [("nothing found", "")]:
        typer.echo(f"  {what}" + (f"\n    remedy: {remedy}" if remedy else ""))


def _compile() -> None:
    """Compile on all cores; no later call waits for it."""
    from cvbench.cli.kernels import compile_all

    console = Console()
    start = time.perf_counter()
    with console.status("compiling on all cores: about 15 seconds"):
        for name in compile_all():
            console.print(f"compiled: {name}")
    console.print(
        f"all kernels are compiled and stored on disk, in {show_seconds(time.perf_counter() - start)}"
    )
