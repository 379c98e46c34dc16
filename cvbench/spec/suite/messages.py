"""Problems in a suite, each with its path in the file's tree, and their messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from types import UnionType
from typing import Annotated, Any, NamedTuple, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cvbench.errors import shown, suggestion

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of the file: ``("models", 1, "options", "width")``."""

_WORD = re.compile(r"[\w-]+")


class SuiteProblem(NamedTuple):
    """One problem, before it is known whether the file or an override caused it."""

    path: Path
    what: str
    remedy: str = ""


def show_path(path: Path) -> str:
    """A path as messages show it; a key with other characters than letters, digits, _ and - is quoted.

    >>> show_path(("models", 1, "options", "width")), show_path(("expect", "my.models:small", "AP"))
    ('models[1].options.width', 'expect["my.models:small"].AP')
    """
    return "".join(map(_shown_step, path)).removeprefix(".")


def written_part(path: Path, tree: Any) -> Path:
    """The longest leading part of a path that exists in `tree`.

    >>> written_part(("models", 0, "name"), {"models": ["resnet18"]})
    ('models', 0)
    """
    for depth, step in enumerate(path):
        if not _holds(tree, step):
            return path[:depth]
        tree = tree[step]
    return path


class Positions:
    """A sort key: the position of a path in the file. The keys of each mapping are numbered once."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self._numbered: dict[int, dict[Any, int]] = {}

    def __call__(self, path: Path) -> tuple[int, ...]:
        """The position of each step of the path; parents sort before their children."""
        places, here = list[int](), self._tree
        for step in path:
            if not _holds(here, step):
                break
            places.append(step if isinstance(step, int) else self._number(here)[step])
            here = here[step]
        return tuple(places)

    def _number(self, mapping: Mapping[str, Any]) -> dict[Any, int]:
        if id(mapping) not in self._numbered:
            self._numbered[id(mapping)] = {key: number for number, key in enumerate(mapping)}
        return self._numbered[id(mapping)]


def _holds(tree: Any, step: str | int) -> bool:
    if isinstance(tree, Mapping):
        return step in tree
    return isinstance(tree, list) and isinstance(step, int) and 0 <= step < len(tree)


def _shown_step(step: str | int) -> str:
    plain = isinstance(step, str) and _WORD.fullmatch(step)
    return f".{step}" if plain else f"[{json.dumps(step, ensure_ascii=False)}]"


_FIRST_LINE = "Write schema: 1"
_WORDS = {
    "int_type": "{value} is not a whole number",
    "int_from_float": "{value} is not a whole number",
    "float_type": "{value} is not a number",
    "bool_type": "{value} is not true or false",
    "string_type": "{value} is not text",
    "tuple_type": "{value} is not a list",
    "model_type": "{value} is not a mapping (key: value)",
    "dict_type": "{value} is not a mapping (key: value)",
    "mapping_type": "{value} is not a mapping (key: value)",
    "finite_number": "{value} is not a finite number",
    "greater_than": "{value} is too small; it must be more than {gt:g}",
    "greater_than_equal": "{value} is too small; it must be at least {ge:g}",
    "less_than_equal": "{value} is too large; it must be at most {le:g}",
    "too_short": "{value} is too short; list at least {min_length}",
    "too_long": "{value} is too long; list at most {max_length}",
    "literal_error": "{value} is not one of {allowed}",
    "string_pattern_mismatch": "{value} is not {form}",
    "value_error": "{error}",
}
"""Message by pydantic's error type."""
_SEVERAL = "{value} is not a scalar, a list of scalars, or a list of such lists"
_FORMS = {
    "device": "one of auto, cpu, cuda, cuda:N",
    "name": "a name of up to 64 letters, digits, dots, dashes and underscores",
}
"""Description of the expected text, by the field that has a pattern."""


def problems_of(error: ValidationError, model: type[BaseModel], tree: Any) -> Iterator[SuiteProblem]:
    """The validation errors of `tree` against `model`, one per value (also where several types are valid)."""
    errors = error.errors(include_url=False)
    for path, group in groupby(errors, key=lambda one: written_part(one["loc"], tree)):
        alternatives = list(group)
        for one in _distinct(alternatives):
            yield _suite_problem(one, path, model, several=len(alternatives) > 1)


def _distinct(alternatives: list[ErrorDetails]) -> list[ErrorDetails]:
    """All missing keys of one mapping, or else the most informative error."""
    missing = [one for one in alternatives if one["type"] == "missing"]
    refused = [one for one in alternatives if not _follows(one)]
    return missing or sorted(refused, key=lambda one: one["type"] != "finite_number")[:1]


def _follows(error: ErrorDetails) -> bool:
    """Whether a list is "too short" only because its invalid items are not counted."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _suite_problem(error: ErrorDetails, path: Path, model: type[BaseModel], *, several: bool) -> SuiteProblem:
    if error["type"] == "missing":
        return _missing(error["loc"], path)
    if error["type"] == "extra_forbidden":
        return _unknown(path, keys_at(model, path[:-1]))
    if path == ("schema",):
        what = f"{shown(error['input'])} is not a supported version."
        return SuiteProblem(path, what, _FIRST_LINE)
    kind, context = error["type"], error.get("ctx", {})
    allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    field = next((step for step in reversed(path) if isinstance(step, str)), "")
    words = _SEVERAL if several and kind != "finite_number" else _WORDS[kind]
    what = words.format(
        **context, value=shown(error["input"]), allowed=", ".join(allowed), form=_FORMS.get(field, "")
    )
    return SuiteProblem(path, f"{what}.", suggestion(str(error["input"]), allowed))


def _missing(loc: Path, path: Path) -> SuiteProblem:
    wanted = loc[len(path)]
    if isinstance(wanted, int):
        return SuiteProblem(path, f"this list needs {wanted + 1} entries.")
    return SuiteProblem(path, f'the key "{wanted}" is missing.', _FIRST_LINE if loc == ("schema",) else "")


def _unknown(path: Path, known: list[str]) -> SuiteProblem:
    key = str(path[-1])
    near = suggestion(key, known)
    remedy = f"{near}   See all: cvbench schema suite" if near else f"Valid keys: {', '.join(known)}."
    return SuiteProblem(path, f"there is no key {shown(key)} here.", remedy)


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The valid keys of a mapping at `path`; empty if any key is valid."""
    here: Any = model
    for step in path:
        here = _below(here, step)
    return _keys(here) if _is_model(here) else []


def _below(kind: Any, step: str | int) -> Any:
    """The type of the item at `step` in a value of type `kind`."""
    if not _is_model(kind):
        return next((_bare(argument) for argument in reversed(get_args(kind)) if argument is not ...), None)
    fields = {field.alias or name: field for name, field in kind.model_fields.items()}
    return _bare(fields[str(step)].annotation)


def _bare(kind: Any) -> Any:
    """A type without its None alternative and its annotations."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _bare(next(argument for argument in get_args(kind) if argument is not type(None)))
    return kind


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
