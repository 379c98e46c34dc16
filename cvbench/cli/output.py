"""How light commands print: a table or one JSON document, never both on one stream."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from cvbench.errors import InputError
from cvbench.spec.catalogue import DATASETS, is_address
from cvbench.spec.catalogue.datasets import ROOT_VARIABLE
from cvbench.spec.cell import Option, TaskName


def print_json(document: Any) -> None:
    """The one JSON document of a command that was given `--json`."""
    typer.echo(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))


def print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Rows with equal keys, the keys on top: drawn in a terminal, plain aligned lines in a file.

    A column that is empty in every row is left out.
    """
    columns = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    if sys.stdout.isatty():
        _draw(columns, rows)
        return
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    for row in ({name: name for name in columns}, *rows):
        typer.echo("  ".join(f"{row[name]:{widths[name]}}" for name in columns).rstrip())


def _draw(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[name]) for name in columns))  # Text: a title may hold brackets
    Console().print(table)


Root = Annotated[
    str | None,
    typer.Option(help=f"The folder of your own copy, instead of ${ROOT_VARIABLE}/NAME.", show_default=False),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="KEY=VALUE", help="An option of the data set; may be repeated."),
]


Split = Annotated[
    str | None,
    typer.Option(help="The split to open; test by default, or val where there is none.", show_default=False),
]


class Task(StrEnum):
    """What a data set has truths for."""

    CLASSIFICATION = "classification"
    DETECTION = "detection"
    SEGMENTATION = "segmentation"


def usual_split(name: str, asked: str | None) -> str:
    """The split that is asked for, else `test`, else `val` where the data set has no `test`."""
    card = DATASETS.get(name)
    return asked or ("val" if card is not None and "test" not in card.splits else "test")


def task_of(name: str, asked: Task | None) -> TaskName:
    """The task that is asked for, else the data set's first."""
    if asked is not None:
        return asked.value
    if is_address(name):
        raise InputError(f"{name}: what its truths are for is not known here; say it with --task")
    return DATASETS.find(name).tasks[0]


def complete_with_boxes(typed: str) -> list[str]:
    """Names of data sets with boxes that begin with what is typed."""
    return [name for name, card in DATASETS.items() if name.startswith(typed) and "detection" in card.tasks]


def parsed(options: Sequence[str]) -> dict[str, Option]:
    """Options as YAML reads them: `size=64` is a number, `sizes=[1, 2]` a list."""
    import yaml
    from pydantic import TypeAdapter, ValidationError

    parsed: dict[str, Option] = {}
    for text in options:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--option {text}: write KEY=VALUE, such as size=64")
        try:
            parsed[key.strip()] = TypeAdapter(Option).validate_python(yaml.safe_load(value))
        except (yaml.YAMLError, ValidationError) as error:
            raise InputError(
                f"--option {text}: {value!r} is not a plain value, a list, or a list of lists"
            ) from error
    return parsed
