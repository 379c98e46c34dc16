"""`cvbench show RUN --samples`: figures from the raw samples once more, and how these lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cvbench.cli.output import print_json
from cvbench.units import show_count, show_seconds

if TYPE_CHECKING:
    from cvbench.record import Measurement, Record
    from cvbench.report.samples import Look
    from cvbench.store import Run


def show_samples(run: Run, records: Sequence[Record], *, pictures: Path | None, as_json: bool) -> None:
    """Print every series of the records; with a folder, draw each into it."""
    from cvbench.report.samples import looks, save_pictures

    document: list[dict[str, Any]] = []
    for record in records:
        found = looks(run, record)
        drawn = [str(path) for path in save_pictures(found, record, pictures)] if pictures else []
        if as_json:
            document += [_document(record, look) for look in found]
            continue
        typer.secho(f"\n{record.cell.title}  {record.key}", bold=True)
        for caution in record.cautions:
            typer.echo(f"  caution: {caution}")
        for look in found:
            _print(look)
        for path in drawn:
            typer.echo(f"  drawn: {path}")
    if as_json:
        print_json({"kind": "samples", "run": str(run.folder), "series": document})


def _print(look: Look) -> None:
    from cvbench.report.samples import bars

    series = look.series
    taken = f"{len(series.values)} samples, {len(series.accepted)} count"
    rounds = len(series.by_round())
    typer.echo(f"  {series.title}: {taken}, of {rounds} {'process' if rounds == 1 else 'processes'}")
    if len(series.accepted):
        typer.echo(f"    {bars(series.accepted)}")
    for figure in look.figures:
        agrees = "differs from the record" if figure.name in look.differing else "as in the record"
        typer.echo(f"    {figure.name:24} {_value(figure)}   {agrees}")


def _value(figure: Measurement) -> str:
    if figure.value is None:
        return f"missing: {figure.missing}"
    show = show_seconds if figure.unit == "s" else show_count
    text = show(figure.value)
    if figure.interval is not None:
        text += f" [{show(figure.interval[0])}, {show(figure.interval[1])}]"
    return f"{text}, n = {figure.n}"


def _document(record: Record, look: Look) -> dict[str, Any]:
    return {
        "key": record.key,
        "title": record.cell.title,
        "series": look.series.title,
        "samples": len(look.series.values),
        "accepted": len(look.series.accepted),
        "figures": [figure.model_dump(mode="json") for figure in look.figures],
        "differing": list(look.differing),
    }
