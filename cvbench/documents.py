"""JSON documents that cvbench keeps: each is read whole, or refused by name with what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cvbench.errors import StoreError

Form = TypeVar("Form", bound=BaseModel)


def read_document(path: Path, form: type[Form], *, what: str, newest: int, remedy: str = "") -> Form:
    """The document at `path`; raises StoreError that names the file and the place in it.

    `what` is the word for it, `newest` the highest schema that is known here, and `remedy` says how one
    makes such a file. One of an older schema is read, one of a newer is refused by its number.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"{path}: this is no {what} that cvbench can read ({error.strerror or error})."
        ) from error
    refused: ValidationError | None = None
    try:
        document = form.model_validate_json(content)
        # A schema that is not written down must not pass by its default.
        if "schema_version" in document.model_fields_set and document.schema_version <= newest:  # type: ignore[attr-defined]
            return document
    except ValidationError as error:
        refused = error
    told = f"{path}: {_why(content, form, refused, what, newest)}"
    raise StoreError(f"{told}\n  {remedy}" if remedy else told)


def _why(
    content: bytes, form: type[BaseModel], refused: ValidationError | None, what: str, newest: int
) -> str:
    try:
        plain = json.loads(content)
    except ValueError as error:
        return f"this is no {what} that cvbench can read ({error})."
    plain = plain if isinstance(plain, dict) else {}
    kind = form.model_fields.get("kind")
    if kind is not None and plain.get("kind") != kind.default:
        return f'this is no {what}: it has no kind "{kind.default}".'
    version = plain.get("schema")
    if not isinstance(version, int):
        return f"this is no {what}: it has no schema number."
    if version > newest:
        return (
            f"schema {version} is newer than this cvbench, which knows {newest}.\n"
            "  Read it with the version that wrote it, or a later one."
        )
    assert refused is not None
    first = refused.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
