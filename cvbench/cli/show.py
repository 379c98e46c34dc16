"""`cvbench show`: the card of a model, dataset or metric, or a run with all its records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvbench.cli.output import RESULTS, AsJson, OutFolder, SeedRows, Seeds, earlier_lines, print_json
from cvbench.errors import StoreError, UnknownName, suggestion
from cvbench.report.text_table import print_text
from cvbench.spec.catalogue import DATASETS, METRICS, MODELS, Card, DatasetCard, MetricCard, ModelCard
from cvbench.units import show_count, show_seconds

if TYPE_CHECKING:
    from cvbench.record import Measurement, Record
    from cvbench.report.samples import SeriesCheck
    from cvbench.store import Run

_CATALOGUES = (MODELS, DATASETS, METRICS)


def _complete(typed: str) -> list[str]:
    return [name for catalogue in _CATALOGUES for name in catalogue.spellings if name.startswith(typed)]


def show(
    name: Annotated[
        str,
        typer.Argument(help="A model, dataset, metric or run.", autocompletion=_complete),
    ],
    out: OutFolder = RESULTS,
    samples: Annotated[
        bool,
        typer.Option("--samples", help="Show the raw timings of a run, and their metrics."),
    ] = False,
    pictures: Annotated[
        Path | None, typer.Option(help="With --samples: draw each series as a PNG into this folder.")
    ] = None,
    seeds: Seeds = SeedRows.TOGETHER,
    as_json: AsJson = False,
) -> None:
    """Show a model, dataset or metric, or the results, warnings and details of a run."""
    if samples:
        run = _find(name, out)
        show_samples(run, run.records(), pictures=pictures, as_json=as_json)
        return
    for catalogue in _CATALOGUES:
        if name in catalogue:
            _show_card(catalogue.kind, catalogue[name], as_json=as_json)
            return
    _show_run(name, out, separate=seeds is SeedRows.SEPARATE, as_json=as_json)


def _show_card(kind: str, card: Card, *, as_json: bool) -> None:
    if as_json:
        print_json({"kind": kind, **asdict(card)})
        return
    typer.secho(f"{card.name}, a {kind}", bold=True)
    print_text(card.summary, hang="")
    typer.echo()
    facts = [*_facts(card), ("code", card.address)]
    for label, value in facts:
        print_text(f"{label:12} {value}", indent="  ", hang=" " * 13)
    if card.options:
        typer.secho("\noptions", bold=True)
    from cvbench.errors import shown

    width = max(map(len, card.options), default=0)
    for name, choice in card.options.items():
        default = "" if choice.default is None else f" (default {shown(choice.default)})"
        print_text(f"{name:{width}}  {choice.help}{default}", indent="  ", hang=" " * (width + 2))


def _facts(card: Card) -> Iterator[tuple[str, str]]:
    """Facts of a card other than name and summary, as label and value."""
    if isinstance(card, ModelCard):
        yield "task", card.task
        yield "paper", f"{card.title}"
        yield "", f"{card.authors}, {card.year}"
        yield "", card.link
        yield "input", " x ".join(map(str, card.input))
        for classes, parameters in card.parameters.items():
            yield "parameters", f"{parameters:,} for {classes} classes"
        if card.macs is not None:
            yield "MACs", f"{card.macs:,} per image"
        for figure in card.reference:
            yield "published", figure
    elif isinstance(card, DatasetCard):
        yield "tasks", ", ".join(card.tasks)
        yield "classes", card.told_classes
        for split, images in card.splits.items():
            yield "split", split if images is None else f"{split}, {images:,} images"
        yield "root", "your own copy is needed" if card.needs_root else "bundled; a root is optional"
        yield "license", card.licence
        yield "source", card.source
    elif isinstance(card, MetricCard):
        if card.aliases:
            yield "also", ", ".join(card.aliases)
        yield "task", card.task
        yield "protocol", card.protocol
        yield "metrics", ", ".join(card.figures)
        yield (
            "default",
            "used if a suite names no metrics" if card.default else "only if the suite names it",
        )


def _find(name: str, out: Path) -> Run:
    """The run of that name; raises UnknownName with the nearest name of anything that can be shown."""
    from cvbench.store import Store

    store = Store(out)
    try:
        return store.find(name)
    except StoreError as error:
        known = [*_complete(""), *(entry.folder.parent.name for entry in store.runs())]
        near = suggestion(name, known, listing="cvbench list models|datasets|metrics|runs")
        raise UnknownName(f'there is no model, dataset, metric or run "{name}".\n  {near}') from error


def _show_run(name: str, out: Path, *, separate: bool, as_json: bool) -> None:
    run = _find(name, out)
    records = run.records()
    if as_json:
        print_json(
            {
                "kind": "run",
                "run": run.info.model_dump(mode="json"),
                "records": [r.model_dump(mode="json") for r in records],
                "earlier": [r.model_dump(mode="json") for r in run.earlier_records()],
            }
        )
        return
    from rich.console import Console

    from cvbench.report.terminal import print_record, print_tables, print_warnings

    console = Console(highlight=False, soft_wrap=True)
    print_tables(records, console, separate=separate)
    print_warnings(records, console)
    for line in earlier_lines(run):
        console.print(line, markup=False)
    for record in records:
        console.print()
        print_record(record, console)


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
            typer.echo(f"  warning: {caution}")
        for look in found:
            _print(look)
        for path in drawn:
            typer.echo(f"  drawn: {path}")
    if as_json:
        print_json({"kind": "samples", "run": str(run.folder), "series": document})


def _print(look: SeriesCheck) -> None:
    from cvbench.report.samples import bars

    series = look.series
    taken = f"{len(series.values)} samples, {len(series.accepted)} accepted"
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
    elif figure.interval_missing is not None:
        text += f" [{figure.interval_missing}]"
    return f"{text}, n = {figure.n}"


def _document(record: Record, look: SeriesCheck) -> dict[str, Any]:
    return {
        "key": record.key,
        "title": record.cell.title,
        "series": look.series.title,
        "samples": len(look.series.values),
        "accepted": len(look.series.accepted),
        "figures": [figure.model_dump(mode="json") for figure in look.figures],
        "differing": list(look.differing),
    }
