"""`cvbench env`: this machine, and what could disturb a measurement on it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cvbench import environment


def env(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show this machine as records describe it, and what could disturb a measurement."""
    found = environment.probe()
    disturbances = environment.disturbances()
    if as_json:
        document = {
            **found.model_dump(mode="json"),
            "disturbances": [{"finding": what, "remedy": remedy} for what, remedy in disturbances],
        }
        typer.echo(json.dumps(document, indent=1))
        return
    for title, group in (
        ("must agree for speeds to be compared", found.hard),
        ("may matter", found.soft),
        ("of this moment", found.volatile),
    ):
        typer.secho(title, bold=True)
        for name, value in group.items():
            typer.echo(f"  {name:24} {'none' if value is None else value}")
    typer.secho("could disturb a measurement", bold=True)
    for what, remedy in disturbances or [("nothing was found", "")]:
        typer.echo(f"  {what}" + (f"\n    remedy: {remedy}" if remedy else ""))
