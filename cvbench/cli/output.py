"""Options and output shared by several commands.

A command prints a table or one JSON document, never both on one stream.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cvbench.errors import InputError, SuiteError
from cvbench.spec.catalogue import DATASETS, is_address
from cvbench.spec.catalogue.datasets import ROOT_VARIABLE
from cvbench.spec.cell import Cell, Option, TaskName

if TYPE_CHECKING:
    from cvbench.spec.suite import Suite
    from cvbench.store import Run


def print_json(document: Any) -> None:
    """Print the JSON document of `--json`.

    Characters that standard output cannot encode are escaped.
    """
    text = json_text(document)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=1, allow_nan=False)
    typer.echo(text)


def json_text(document: Any) -> str:
    """A document as JSON text; raises ValueError for NaN and infinities, which JSON does not have."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)


def earlier_lines(run: Run) -> list[str]:
    """Lines about cells that an earlier command left in the run's folder; empty if there are none."""
    earlier = run.earlier_records()
    if not earlier:
        return []
    shown = [f"  {record.key[:8]}  {_variant(record.cell)}" for record in earlier[:10]]
    more = [f"  … and {len(earlier) - 10} more"] if len(earlier) > 10 else []
    what = "1 cell" if len(earlier) == 1 else f"{len(earlier)} cells"
    return [f"\nnot judged: {what} of earlier commands, with another limit or other overrides", *shown, *more]


def _variant(cell: Cell) -> str:
    words = [cell.title, f"on {cell.data.name}/{cell.data.split}", f"seed {cell.seed}"]
    if cell.data.limit:
        words.append(f"{cell.data.limit} images (limit)")
    if cell.train:
        words.append(f"trained for {cell.train.epochs} epoch{'s' if cell.train.epochs > 1 else ''}")
    return ", ".join(words)


RESULTS: Final = Path("results")

OutFolder = Annotated[Path, typer.Option(help="Folder of the results.", envvar="CVBENCH_RESULTS")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AllowSkips = Annotated[
    bool,
    typer.Option(
        "--allow-skips", help="Accept cells that are skipped because their data or weights are missing."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")]
JUnitFile = Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")]
SuiteFile = Annotated[
    Path,
    typer.Argument(
        help="A suite: a file such as suites/mine.yaml, or a name listed by `cvbench list suites`."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]…", help="Changes to the suite: train.epochs=1 models.0.options.width=0.5"
    ),
]
Only = Annotated[
    str | None,
    typer.Option(help="Only cells whose model, title or key matches: resnet*, or the start of a key."),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Score only N evenly spaced images per cell: a quick look, not a result.",
    ),
]


class SeedRows(StrEnum):
    """How tables show cells that differ only in their seed."""

    TOGETHER = "together"
    SEPARATE = "separate"


Seeds = Annotated[
    SeedRows,
    typer.Option(help="Cells that differ only in the seed: one row (mean ± standard deviation), or each."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start a new run instead of resuming the last one.")]


def chosen_cells(
    suite: Path, overrides: Sequence[str] | None, *, only: str | None, limit: int | None = None
) -> Suite:
    """Load a suite with the overrides, `--limit` and `--only` of a command."""
    from cvbench.spec.suite import load_suite

    wanted = load_suite(suite, overrides or [])
    wanted = wanted.limited(limit) if limit else wanted
    return wanted.select(only) if only else wanted


def complete_dataset(typed: str) -> list[str]:
    """Dataset names that begin with `typed`."""
    return [name for name in DATASETS if name.startswith(typed)]


DatasetName = Annotated[
    str,
    typer.Argument(
        help="A dataset, or the import path of your own (package.module:callable).",
        autocompletion=complete_dataset,
    ),
]
Root = Annotated[
    str | None,
    typer.Option(help=f"The folder of the dataset, instead of ${ROOT_VARIABLE}/NAME.", show_default=False),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="KEY=VALUE", help="An option of the dataset; may be repeated."),
]


Split = Annotated[
    str | None,
    typer.Option(help="The split to open; by default test, or val if there is no test.", show_default=False),
]


class Task(StrEnum):
    """The task whose ground truth a dataset has."""

    CLASSIFICATION = "classification"
    DETECTION = "detection"
    SEGMENTATION = "segmentation"


def usual_split(name: str, asked: str | None) -> str:
    """The given split, else `test`, else `val` if the dataset has no `test`.

    `valid` and `validation` stand for `val`, as they do for folders, if the dataset has no such split.
    """
    card = DATASETS.get(name)
    if asked in ("valid", "validation") and card is not None and asked not in card.splits:
        return "val"
    return asked or ("val" if card is not None and "test" not in card.splits else "test")


def dataset_task(name: str, asked: Task | None) -> TaskName:
    """The given task, else the dataset's first."""
    if asked is not None:
        return asked.value
    if is_address(name):
        raise InputError(f"{name}: its task is unknown; name it with --task")
    return DATASETS.find(name).tasks[0]


def download_shown(title: str, url: str, file: Path, *, sha256: str | None) -> str:
    """Download a file with a progress bar on standard error; returns its SHA-256."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from cvbench.data.download import download

    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(title, total=None)
        return download(
            url,
            file,
            sha256=sha256,
            on_bytes=lambda done, total: progress.update(bar, completed=done, total=total),
        )


def check_png(output: Path | None) -> None:
    """Raise InputError if the file does not end in `.png`, before any work is done."""
    if output is not None and output.suffix.lower() != ".png":
        raise InputError(f"{output}: pictures are PNG; name a file that ends in .png")


def complete_with_boxes(typed: str) -> list[str]:
    """Names of datasets with boxes that begin with `typed`."""
    return [name for name, card in DATASETS.items() if name.startswith(typed) and "detection" in card.tasks]


def parsed(options: Sequence[str]) -> dict[str, Option]:
    """Options as a suite reads them: `size=64` and `blur=8e-1` are numbers, `sizes=[1, 2]` is a list."""
    from pydantic import TypeAdapter, ValidationError

    from cvbench.spec.suite.yaml_loader import read

    parsed: dict[str, Option] = {}
    for text in options:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--option {text}: write KEY=VALUE, such as size=64")
        wrong = InputError(f"--option {text}: {value!r} is not a plain value, a list, or a list of lists")
        try:
            tree, problems = read(value, f"--option {text}")
            parsed[key.strip()] = TypeAdapter(Option).validate_python(tree)
        except (SuiteError, ValidationError) as error:
            raise wrong from error
        if problems:
            raise wrong
    return parsed
