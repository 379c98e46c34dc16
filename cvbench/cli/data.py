"""`cvbench data`: list, show, verify, fetch and export datasets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvbench.cli.anchors import anchors
from cvbench.cli.fetch import fetch
from cvbench.cli.output import (
    AsJson,
    DatasetName,
    Force,
    Options,
    Root,
    Split,
    Task,
    check_png,
    complete_with_boxes,
    dataset_task,
    parsed,
    print_json,
    usual_split,
)
from cvbench.cli.verify import verify
from cvbench.errors import InputError
from cvbench.report.text_table import print_table
from cvbench.spec.catalogue import DATASETS, is_address
from cvbench.spec.catalogue.datasets import ROOT_VARIABLE, find_root
from cvbench.spec.cell import DataSpec

if TYPE_CHECKING:  # imports torch
    from cvbench.interfaces import Dataset

app = typer.Typer(no_args_is_help=True, help="List, show, verify, fetch and export datasets.")


class Format(StrEnum):
    """The layout of an exported tree."""

    COCO = "coco"
    VOC = "voc"


@app.command(name="list")
def list_(
    as_json: AsJson = False,
) -> None:
    """List datasets with tasks, images, license, and where cvbench looks for their files."""
    if as_json:
        print_json([_entry(name) for name in DATASETS])
        return
    print_table(
        [
            {
                "name": card.name,
                "tasks": ", ".join(card.tasks),
                "classes": card.told_classes,
                "images": ", ".join(map(card.told_split, card.splits)),
                "license": card.licence,
                "files": find_root(card.name) or ("needed" if card.needs_root else "bundled"),
            }
            for card in DATASETS.values()
        ]
    )
    typer.echo(
        "\nFiles are read from the root that the suite or --root names, else from "
        f"${ROOT_VARIABLE}/NAME, else from the bundled data.",
        err=True,
    )


def _entry(name: str) -> dict[str, Any]:
    card = DATASETS[name]
    return {
        "name": card.name,
        "summary": card.summary,
        "tasks": list(card.tasks),
        "classes": card.classes,
        "splits": dict(card.splits),
        "licence": card.licence,
        "source": card.source,
        "needs_root": card.needs_root,
        "root": find_root(card.name),
        "root_by_default": f"${ROOT_VARIABLE}/{card.name}",
        "options": {key: {"default": o.default, "help": o.help} for key, o in card.options.items()},
    }


@app.command()
def show(
    name: DatasetName,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Draw the first images into this PNG file.", show_default=False),
    ] = None,
    split: Split = None,
    task: Annotated[
        Task | None,
        typer.Option(help="The task whose ground truth is drawn; by default the first.", show_default=False),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many images to draw.")] = 16,
    root: Root = None,
    option: Options = None,
) -> None:
    """Show a dataset's fingerprint and statistics, and draw its first images with their ground truth."""
    check_png(output)
    spec = DataSpec(name=name, root=root, split=usual_split(name, split), options=parsed(option or ()))
    from cvbench.data.datasets import open_dataset

    dataset = open_dataset(spec, task=dataset_task(name, task))
    for label, value in _facts(dataset):
        typer.echo(f"{label:10} {value}")
    if output is not None:
        shown = min(count, len(dataset))
        _draw(dataset, shown, output)
        typer.echo(f"{'picture':10} {output}, the first {shown}")


def _facts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    passport = dataset.passport
    yield "dataset", f"{passport.name}, {passport.split}, for {dataset.task}"
    yield "images", f"{passport.images:,}"
    if passport.objects is not None:
        yield "objects", f"{passport.objects:,}"
    _, height, width = dataset[0].image.shape
    yield "first", f"{dataset[0].id}, {width} x {height} pixels"
    yield "classes", f"{passport.classes}: {', '.join(dataset.classes)}"
    yield "sha256", passport.sha256


def _draw(dataset: Dataset, count: int, output: Path) -> None:
    from cvbench.report.drawing import contact_sheet, draw, save_png

    samples = (dataset[index] for index in range(count))
    pictures = [draw(sample.image, sample.truth, dataset.classes) for sample in samples]
    save_png(contact_sheet(pictures, _columns(count)), output)


def _columns(count: int) -> int:
    """As wide as high, or one column wider if that leaves fewer empty cells.

    >>> _columns(16), _columns(8), _columns(1)
    (4, 4, 1)
    """
    square = math.ceil(math.sqrt(count))
    return min(square, square + 1, key=lambda columns: -count % columns)


@app.command()
def export(
    name: Annotated[
        str,
        typer.Argument(help="A dataset with boxes.", autocompletion=complete_with_boxes),
    ],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    form: Annotated[Format, typer.Option("--format", help="The layout to write.")],
    split: Annotated[
        list[str] | None,
        typer.Option(help="A split to write; may be repeated (default: all).", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Write N evenly spaced images of each split.", show_default=False),
    ] = None,
    root: Root = None,
    option: Options = None,
    force: Force = False,
) -> None:
    """Write a detection dataset as a COCO or VOC tree, with its masks if it has any."""
    spec = DataSpec(name=name, root=root, options=parsed(option or ()))
    splits = _splits(name, split)
    from cvbench.data.datasets import open_dataset
    from cvbench.data.export import EXPORTERS

    datasets = [open_dataset(spec, task="detection", split=one, limit=limit) for one in splits]
    total = sum(len(dataset) for dataset in datasets)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(f"{name} as {form}", total=total)
        EXPORTERS[form](datasets, folder, force=force, on_image=lambda: progress.advance(bar))
    _copy_notice(name, folder)
    typer.echo(f"{total:,} image{'s' * (total != 1)} ({', '.join(splits)}) written to {folder}")


def _splits(name: str, asked: Sequence[str] | None) -> list[str]:
    if asked:
        return list(dict.fromkeys(asked))
    if is_address(name):
        raise InputError(f"{name}: its splits are unknown; name them with --split")
    return list(DATASETS.find(name).splits)


def _copy_notice(name: str, folder: Path) -> None:
    """Copy the license text next to the images if the license requires it."""
    notice = None if is_address(name) else DATASETS[name].notice
    if notice is None:
        return
    package, _, file = notice.partition(":")
    try:
        (folder / "NOTICE").write_bytes((files(package) / file).read_bytes())
    except OSError as error:
        raise InputError(f"{folder / 'NOTICE'}: cannot be written ({error.strerror or error})") from error


app.command()(anchors)
app.command()(verify)
app.command()(fetch)
