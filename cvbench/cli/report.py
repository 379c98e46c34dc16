"""`cvbench report`: runs as one file to read or to send on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cvbench.errors import InputError


def report(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN…", help="Runs, as `cvbench list runs` names them, or their folders."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="FILE.html, .md, .csv, .tex, .json or .parquet.")
    ],
    out: Annotated[Path, typer.Option(help="Where results are kept.", envvar="CVBENCH_RESULTS")] = Path(
        "results"
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write the runs' records as one file; its ending says in which form.

    .html is a page that opens without a network; .csv has the columns of timm's results tables in front.
    """
    from cvbench.report.export import FORMATS
    from cvbench.report.page import html_page
    from cvbench.report.sources import read_sources
    from cvbench.store import Store

    forms = {".html": html_page, **FORMATS}
    form = forms.get(output.suffix.lower())
    if form is None:
        known = ", ".join(forms)
        raise InputError(f'{output}: there is no form "{output.suffix}".\n  There are: {known}')
    if output.exists() and not force:
        raise InputError(f"{output}: this file is there already.\n  Give --force to overwrite it.")
    content = form(read_sources(Store(out), runs))
    _write(output, content)
    typer.echo(f"{output}: {len(content):,} bytes", err=True)


def _write(path: Path, content: bytes) -> None:
    from cvbench.files import write_whole

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise InputError(f"{path}: this cannot be written: {error.strerror or error}.") from error
