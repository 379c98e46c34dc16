"""Immutable values, their canonical JSON, and its short hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Frozen(BaseModel):
    """A value: immutable, no unknown fields, numbers finite, no silent conversions of text."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        defer_build=True,  # validators are built at first use, so the command line starts fast
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """With the docstring of each field as its description; pydantic would read them at each import."""
        schema = handler(core)
        fields = handler.resolve_ref_schema(schema).get("properties", {})
        for own in reversed(cls.__mro__):
            if issubclass(own, Frozen) and own is not Frozen:
                for name, text in _field_descriptions(own):
                    fields[cls.model_fields[name].alias or name]["description"] = text
        return schema


def digest(content: Any) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of `canonical(content)`."""
    return short_hash(canonical(content))


def short_hash(text: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def canonical(content: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, no unset or empty values.

    >>> canonical({"b": 1.0, "a": [0.5, None], "c": {"d": None}})
    '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(_bare(content), sort_keys=True, separators=(",", ":"), allow_nan=False)


_PLAIN = frozenset({str, int, bool, type(None)})


UNSET = frozenset({"null", "{}", "[]"})


@lru_cache(maxsize=1024)
def canonical_of(text: str) -> str:
    """`canonical` of JSON text. Cached, because consecutive cells have most parts in common."""
    return canonical(json.loads(text))


def _bare(content: Any) -> Any:
    if type(content) in _PLAIN:  # most are, and a run has thousands of cells
        return content
    if isinstance(content, float):
        return int(content) if content.is_integer() else content
    if isinstance(content, list | tuple):
        return [_bare(item) for item in content]
    if isinstance(content, Mapping):
        own = {str(k): _bare(v) for k, v in content.items() if v is not None}
        return {k: v for k, v in own.items() if v not in ({}, [])}
    return content


def _field_descriptions(of: type) -> Iterator[tuple[str, str]]:
    """Name and docstring of each field of a class."""
    import ast
    import inspect
    from itertools import pairwise
    from textwrap import dedent

    (tree,) = ast.parse(dedent(inspect.getsource(of))).body
    assert isinstance(tree, ast.ClassDef)
    for field, below in pairwise(tree.body):
        match field, below:
            case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                yield name, inspect.cleandoc(text)
