"""How light commands print: a table or one JSON document, never both on one stream."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer


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
