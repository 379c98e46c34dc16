"""`cvbench weights`: list the weights files of a suite, and download missing ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cvbench.cli.output import AsJson, Only, SuiteFile, chosen_cells, download_shown, print_json
from cvbench.report.text_table import print_table
from cvbench.spec.catalogue.weights import HOME_VARIABLE, WeightFile, home, weight_file

app = typer.Typer(no_args_is_help=True, help="List the weights files of a suite; download missing ones.")


@app.command(name="list")
def list_(suite: SuiteFile, only: Only = None, as_json: AsJson = False) -> None:
    """List the weights files that SUITE names, and the place of each."""
    files = _files(suite, only)
    if as_json:
        print_json([_entry(file) for file in files])
        return
    print_table(
        [
            {
                "weights": file.said,
                "from": file.origin,
                "here": "yes" if file.found() else "no",
                "file": str(file.found() or file.places[0]),
            }
            for file in files
        ]
    )
    typer.echo(f"\nDownloads are stored in {home()}; set ${HOME_VARIABLE} for another folder.", err=True)


@app.command()
def fetch(suite: SuiteFile, only: Only = None, as_json: AsJson = False) -> None:
    """Download the weights of SUITE that are not on this machine, and check their hashes.

    An interrupted download resumes where it stopped. `run` never downloads weights.
    """
    missing = [file for file in _files(suite, only) if file.found() is None and file.url is not None]
    for file in missing:
        assert file.url is not None
        place = file.places[0]
        sha256 = download_shown(file.said, file.url, place, sha256=file.sha256)
        if not as_json:
            typer.echo(f"{file.said}: {place}, sha256 {sha256}")
    if as_json:
        print_json([_entry(file) for file in missing])
    elif not missing:
        typer.echo("Nothing to fetch: every file with an address is here.")


def _files(suite: Path, only: str | None) -> list[WeightFile]:
    """Each file once, in the order of the suite."""
    wanted = chosen_cells(suite, None, only=only)
    files = (weight_file(cell.model) for cell in wanted.cells)
    return list(dict.fromkeys(file for file in files if file is not None))


def _entry(file: WeightFile) -> dict[str, Any]:
    found = file.found()
    return {
        "weights": file.said,
        "origin": file.origin,
        "file": None if found is None else str(found),
        "places": [str(place) for place in file.places],
        "url": file.url,
        "sha256": file.sha256,
    }
