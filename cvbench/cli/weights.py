"""`cvbench weights`: which files of weights a suite wants, and fetching those that are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cvbench.cli.output import AsJson, Only, SuiteFile, chosen_cells, download_shown, print_json, print_table
from cvbench.spec.catalogue.weights import HOME_VARIABLE, WeightFile, home, weight_file

app = typer.Typer(no_args_is_help=True, help="See which weights a suite wants; fetch those that are missing.")


@app.command(name="list")
def list_(suite: SuiteFile, only: Only = None, as_json: AsJson = False) -> None:
    """List the files of weights that SUITE names, and where each lies or would lie."""
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
    typer.echo(f"\nFetched files lie in {home()}; ${HOME_VARIABLE} names another folder.", err=True)


@app.command()
def fetch(suite: SuiteFile, only: Only = None, as_json: AsJson = False) -> None:
    """Fetch the weights that SUITE names and that are not on this machine, and check their hashes.

    An interrupted file goes on where it stopped. Nothing else in cvbench fetches anything.
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
        typer.echo("Nothing to fetch: every file that has an address is here.")


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
