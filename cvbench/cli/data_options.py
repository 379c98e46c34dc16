"""What the commands on data sets have in common: where the files lie, and the set's own options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from cvbench.catalogue import DATASETS
from cvbench.catalogue.datasets import ROOT_VARIABLE
from cvbench.errors import InputError
from cvbench.spec import Option

Root = Annotated[
    str | None,
    typer.Option(help=f"The folder of your own copy, instead of ${ROOT_VARIABLE}/NAME.", show_default=False),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="KEY=VALUE", help="An option of the data set; may be repeated."),
]


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
