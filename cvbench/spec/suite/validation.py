"""Whether everything that a suite names exists: models, data sets, metrics, splits, options."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cvbench.errors import CvbenchError, suggestion
from cvbench.spec.catalogue import DATASETS, METRICS, MODELS, Card, Catalogue, is_address
from cvbench.spec.catalogue.weights import weight_file
from cvbench.spec.cell import ModelSpec
from cvbench.spec.suite.entry import TASKS, Entry, entries_of, items, mapping, text
from cvbench.spec.suite.messages import Finding, Path
from cvbench.spec.suite.wording import shown

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", tuple: "a list"}


def unknown_names(suite: Mapping[str, Any]) -> Iterator[Finding]:
    """What a suite, spelled out, names and there is not; and what one list names twice."""
    yield from _settings(suite, ())
    for entry in entries_of(suite):
        yield from _settings(entry.tree, entry.path)
        yield from _model(entry)


def _settings(tree: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    yield from _data(mapping(tree, "data"), (*path, "data"))
    yield from _data(mapping(mapping(tree, "train"), "also"), (*path, "train", "also"))
    for index, name in enumerate(items(tree, "metrics")):
        yield from _named(METRICS, name, (*path, "metrics", index))
    yield from _repeated(items(tree, "metrics"), (*path, "metrics"))
    yield from _repeated(items(tree, "seed"), (*path, "seed"))
    runtime = mapping(tree, "runtime")
    for key in runtime:
        yield from _repeated(items(runtime, key), (*path, "runtime", key))


def _model(entry: Entry) -> Iterator[Finding]:
    yield from _named(MODELS, entry.tree.get("name"), (*entry.path, "name"))
    yield from _weights(entry)
    card, stated = MODELS.get(entry.name), text(entry.tree, "task")
    if card:
        yield from _options(card, entry.tree, entry.path)
        if stated in TASKS and stated != card.task:
            yield Finding((*entry.path, "task"), f"{card.name} does {card.task}.", "Remove the task.")
    elif is_address(entry.name) and "task" not in entry.tree:
        remedy = f"Add task: {', '.join(TASKS[:-1])} or {TASKS[-1]}"
        yield Finding(entry.path, "a model by address needs its task.", remedy)


def _weights(entry: Entry) -> Iterator[Finding]:
    """That `weights`, and the model with them, can be understood; whether the file is there is not asked."""
    said = text(entry.tree, "weights")
    if not said or not entry.name:
        return
    try:
        weight_file(ModelSpec(name=entry.name, weights=said))
    except CvbenchError as error:
        what, _, remedy = str(error).partition("\n")
        yield Finding((*entry.path, "weights"), what, remedy.strip())


def _data(data: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    yield from _named(DATASETS, data.get("name"), (*path, "name"))
    card, split = DATASETS.get(text(data, "name")), text(data, "split")
    if not card:
        return
    yield from _options(card, data, path)
    if split and split not in card.splits:
        what = f"{card.name} has no split {shown(split)}."
        yield Finding((*path, "split"), what, suggestion(split, card.splits) or ", ".join(card.splits))


def _options(card: Card, tree: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    for name, value in mapping(tree, "options").items():
        here = (*path, "options", name)
        choice = card.options.get(name)
        if choice is None:
            near = suggestion(name, card.options, listing=f"cvbench show {card.name}")
            yield Finding(here, f"{card.name} has no option {shown(name)}.", near)
        elif choice.default is not None and not _alike(value, choice.default):
            what = f"{shown(value)} is not {_KINDS[type(choice.default)]}."
            yield Finding(here, what, f"{name}: {choice.help}; by default {shown(choice.default)}.")


def _alike(value: Any, default: Any) -> bool:
    """Whether a value is of the kind of a default; a whole number is a number, true is not."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, list if isinstance(default, tuple) else type(default))


def _named(catalogue: Catalogue[Any], name: Any, path: Path) -> Iterator[Finding]:
    if isinstance(name, str) and name not in catalogue and not is_address(name):
        yield Finding(path, f"there is no {catalogue.kind} {shown(name)}.", catalogue.suggest(name))


def _repeated(values: Sequence[Any], path: Path) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        written = json.dumps(value, sort_keys=True)
        if written in seen:
            yield Finding((*path, index), f"{shown(value)} stands twice in this list.")
        seen.add(written)
