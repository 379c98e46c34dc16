"""Options of models, datasets and metrics, and checks of their values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from cvbench.errors import InputError, UnknownName, shown, suggestion
from cvbench.spec.catalogue.cards import Choice, is_address

_KINDS: Mapping[type, tuple[str, tuple[type, ...]]] = {
    bool: ("true or false", (bool,)),
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    str: ("text", (str,)),
}
"""Type of a default → name of the kind of value, and its valid types."""


class OptionProblem(NamedTuple):
    """An unknown option, or an option whose value has another type than its default."""

    option: str
    what: str
    remedy: str
    unknown: bool
    """Whether the option does not exist."""


def choices_of(function: Callable[..., Any], *, without: Collection[str] = ()) -> dict[str, Choice]:
    """The arguments of a function as options; an argument without a default takes any value."""
    arguments = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.name not in without and one.kind is not one.VAR_KEYWORD
    ]
    return {one.name: Choice(None if one.default is one.empty else one.default, "") for one in arguments}


def option_problems(
    owner: str, options: Mapping[str, Any], choices: Mapping[str, Choice]
) -> Iterator[OptionProblem]:
    """Problems of the options given to `owner`, a name or an import path.

    A value must have the type of its default: true or false, a whole number, a number or text. If the default
    is None or of another type, any value is valid here, and the owner checks it.
    """
    listing = "" if is_address(owner) else f"cvbench show {owner}"
    for name, value in options.items():
        choice = choices.get(name)
        if choice is None:
            near = suggestion(name, choices, listing=listing)
            yield OptionProblem(name, f"{owner} has no option {shown(name)}.", near, unknown=True)
        elif (kind := _KINDS.get(type(choice.default))) and type(value) not in kind[1]:
            about = f"{choice.help}; by default" if choice.help else "by default"
            remedy = f"{name}: {about} {shown(choice.default)}."
            yield OptionProblem(name, f"{shown(value)} is not {kind[0]}.", remedy, unknown=False)


def check_options(owner: str, options: Mapping[str, Any], choices: Mapping[str, Choice]) -> None:
    """Raise UnknownName or InputError for the first problem of the options."""
    for problem in option_problems(owner, options, choices):
        if problem.unknown:
            raise UnknownName(f"{problem.what}\n  {problem.remedy}".rstrip())
        raise InputError(f"{owner}: {problem.option}: {problem.what}\n  {problem.remedy}")
