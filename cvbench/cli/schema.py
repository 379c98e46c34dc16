"""`cvbench schema`: the JSON Schema of suites or records, as published in `schemas/`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


class Form(StrEnum):
    """Files with a published schema."""

    SUITE = "suite"
    RECORD = "record"


def schema(form: Annotated[Form, typer.Argument(help="Which schema to print.")]) -> None:
    """Print the JSON Schema of a suite or a record, for editors and other programs.

    Editors complete a suite that begins with
    `# yaml-language-server: $schema=PATH/TO/schemas/suite.json`.
    """
    typer.echo(published(form), nl=False)


def published(form: Form) -> str:
    """The text of `schemas/<form>.json`."""
    document = {"$schema": _DRAFT, **_schema_of(form)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _schema_of(form: Form) -> dict[str, Any]:
    if form is Form.SUITE:
        from cvbench.spec.suite import suite_schema

        return suite_schema()
    from cvbench.record import Record

    return Record.model_json_schema()
