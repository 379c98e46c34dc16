"""`cvbench report`: write runs as one file: a page, a table or data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvbench.cli.output import RESULTS, Force, OutFolder, SeedRows, Seeds
from cvbench.errors import InputError, StoreError

if TYPE_CHECKING:
    from cvbench.report.frame import Source


def report(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN…", help="Runs by folder, or by name as in `cvbench list runs`."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="FILE.html, .md, .csv, .tex, .json or .parquet.")
    ] = None,
    site: Annotated[
        Path | None,
        typer.Option(help="Write an index and a page per run of the results folder RUN into this folder."),
    ] = None,
    out: OutFolder = RESULTS,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Show the images with the worst results.")
    ] = True,
    seeds: Seeds = SeedRows.TOGETHER,
    force: Force = False,
) -> None:
    """Write the results of runs as one file, in the format of its extension.

    .html is a page that works offline; .csv starts with the columns of timm's results tables.
    """
    from cvbench.files import check_new, write_new
    from cvbench.report.export import FORMATS, TABLES
    from cvbench.report.frame import read_sources
    from cvbench.store import Store

    if site is not None:
        if output is not None or len(runs) != 1:
            raise InputError("--site takes one results folder, and no --output.")
        _site(Path(runs[0]), site, with_pictures=pictures, force=force)
        return
    if output is None:
        raise InputError("no output given. Use -o FILE.html, or --site DIR for all runs of a folder.")
    ending = output.suffix.lower()
    if ending not in (".html", *FORMATS):
        known = ", ".join((".html", *FORMATS))
        raise InputError(f'{output}: unknown format "{output.suffix}".\n  Use one of: {known}')
    check_new(output, force=force)
    sources = read_sources(Store(out), runs)
    separate = seeds is SeedRows.SEPARATE
    if ending in TABLES:
        content = TABLES[ending](sources, separate=separate)
    elif ending in FORMATS:
        content = FORMATS[ending](sources)
    else:
        content = _page(sources, with_pictures=pictures, separate=separate)
    write_new(output, content, force=force)
    for source in sources:
        for record in source.records:
            for fault in source.damage(record):
                typer.echo(f"left out: {fault}", err=True)
    typer.echo(f"{output}: {len(content):,} bytes", err=True)


def _page(sources: Sequence[Source], *, with_pictures: bool, separate: bool) -> bytes:
    """The page; each later run is compared with the first."""
    import pandas as pd

    from cvbench.compare.comparison import compare
    from cvbench.compare.formatting import rows
    from cvbench.report.page import html_page

    first, *others = sources
    found: list[dict[str, str]] = []
    missing: list[str] = []
    for other in others:
        try:
            compared = rows(compare(first.run, other.run))
        except (InputError, StoreError) as error:
            missing.append(str(error).partition("\n")[0].rstrip("."))
        else:
            found += [{"cell": row["cell"], "run": other.name, **row} for row in compared]
    differences = pd.DataFrame(found).drop(columns=[] if len(others) > 1 else ["run"]) if found else None
    return html_page(
        sources,
        differences=differences,
        why_none="; ".join(missing),
        with_pictures=with_pictures,
        separate_seeds=separate,
    )


def _site(root: Path, folder: Path, *, with_pictures: bool, force: bool) -> None:
    from cvbench.report.site import INDEX, write_site

    written = write_site(root, folder, with_pictures=with_pictures, force=force)
    left_out = f"; {written.unreadable} runs cannot be read" if written.unreadable else ""
    typer.echo(
        f"{folder / INDEX}: {written.pages} pages, {written.new} of them new or changed{left_out}", err=True
    )
