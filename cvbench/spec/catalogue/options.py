"""Options of models, data sets and metrics: which there are, and which values they take."""

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
"""Type of a default → what its values are called, and their types."""


class OptionProblem(NamedTuple):
    """One option that an owner does not have, or that has a value of another kind than its default."""

    option: str
    what: str
    remedy: str
    unknown: bool
    """True where there is no such option."""


def choices_of(function: Callable[..., Any], *, without: Collection[str] = ()) -> dict[str, Choice]:
    """The options that a function takes as arguments; one without a default takes any value."""
    arguments = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.name not in without and one.kind is not one.VAR_KEYWORD
    ]
    return {one.name: Choice(None if one.default is one.empty else one.default, "") for one in arguments}


def option_problems(
    owner: str, options: Mapping[str, Any], choices: Mapping[str, Choice]
) -> Iterator[OptionProblem]:
    """What is wrong with the options given to `owner`, a name or an import path.

    A value is of the kind of its default: true or false, a whole number, a number (also a whole one) or
    text. An option whose default is none of these, or None, takes any value; its owner judges it.
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
    """Raise UnknownName or InputError for the first problem of the options, if there is one."""
    for problem in option_problems(owner, options, choices):
        if problem.unknown:
            raise UnknownName(f"{problem.what}\n  {problem.remedy}".rstrip())
        raise InputError(f"{owner}: {problem.option}: {problem.what}\n  {problem.remedy}")
