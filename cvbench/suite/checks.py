"""What types cannot say: whether names and options exist, and whether model, data and metric fit.

The checks read the tree rather than the form, so that a wrong type in one place hides no wrong name
in another. What has the wrong type is passed over here; the form reports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from cvbench.catalogue import DATASETS, METRICS, MODELS, Card, Catalogue, DatasetCard, MetricCard, is_address
from cvbench.errors import suggestion
from cvbench.spec import TaskName
from cvbench.suite.findings import Finding, Path
from cvbench.suite.wording import shown

_TASKS: tuple[TaskName, ...] = get_args(TaskName)


class _Entry(NamedTuple):
    """One model of a suite, as far as it can be made out."""

    path: Path
    tree: Mapping[str, Any]
    suite: Mapping[str, Any]

    @property
    def name(self) -> str:
        return _text(self.tree, "name")

    @property
    def task(self) -> str:
        """The task, or nothing where it is not known."""
        card = MODELS.get(self.name)
        return card.task if card else _text(self.tree, "task")

    def setting(self, key: str) -> Any:
        """The entry's own setting, or else the suite's."""
        return self.tree[key] if key in self.tree else self.suite.get(key)


def findings_in(suite: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything in a suite, spelled out, that does not exist or does not fit."""
    entries = [
        _Entry(("models", index), entry, suite)
        for index, entry in enumerate(_list(suite, "models"))
        if isinstance(entry, Mapping)
    ]
    yield from _settings(suite, ())
    for entry in entries:
        yield from _settings(entry.tree, entry.path)
        yield from _model(entry)
        yield from _training(entry)
        yield from _fitting(entry)
    yield from _expectations(suite, entries)


def _settings(tree: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    yield from _data(_mapping(tree, "data"), (*path, "data"))
    for index, name in enumerate(_list(tree, "metrics")):
        yield from _named(METRICS, name, (*path, "metrics", index))
    yield from _repeated(_list(tree, "metrics"), (*path, "metrics"))
    yield from _repeated(_list(tree, "seed"), (*path, "seed"))
    runtime = _mapping(tree, "runtime")
    for key in runtime:
        yield from _repeated(_list(runtime, key), (*path, "runtime", key))


def _model(entry: _Entry) -> Iterator[Finding]:
    yield from _named(MODELS, entry.tree.get("name"), (*entry.path, "name"))
    card, stated = MODELS.get(entry.name), _text(entry.tree, "task")
    if card:
        yield from _options(card, entry.tree, entry.path)
        if stated in _TASKS and stated != card.task:
            yield Finding((*entry.path, "task"), f"{card.name} does {card.task}.", "Remove the task.")
    elif is_address(entry.name) and "task" not in entry.tree:
        remedy = f"Add task: {', '.join(_TASKS[:-1])} or {_TASKS[-1]}"
        yield Finding(entry.path, "a model by address needs its task.", remedy)


def _data(data: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    yield from _named(DATASETS, data.get("name"), (*path, "name"))
    card = DATASETS.get(_text(data, "name"))
    if not card:
        return
    yield from _options(card, data, path)
    split = _text(data, "split")
    if split and split not in card.splits:
        what = f'{card.name} has no split "{split}".'
        yield Finding((*path, "split"), what, suggestion(split, card.splits) or _these(card.splits))


def _training(entry: _Entry) -> Iterator[Finding]:
    loads = entry.tree.get("weights") is not None
    if loads and entry.tree.get("train") is not None:
        remedy = "Keep the one that is meant."
        yield Finding((*entry.path, "train"), "these weights are loaded, so nothing is trained.", remedy)
    if loads:
        return
    if entry.setting("train") is not None:
        yield from _training_split(entry)
        return
    if entry.setting("metrics") != []:  # to time a net, its weights need not be any good
        what = f"{entry.name or 'the model'} has no weights, and there is no recipe to train it."
        yield Finding(
            entry.path, what, "Add train: {epochs: 10} to the suite, or weights: FILE to the model."
        )
    elif "time" in {**entry.suite, **entry.tree} and entry.setting("time") is None:
        yield Finding(entry.path, "this is neither scored nor timed.", "Remove metrics: [] or time: null")


def _training_split(entry: _Entry) -> Iterator[Finding]:
    data = entry.setting("data")
    card = DATASETS.get(_text(data, "name")) if isinstance(data, Mapping) else None
    if card and "train" not in card.splits:
        what = f"{card.name} has no images to train on, only {_these(card.splits)}."
        yield Finding(entry.path, what, "Add weights: FILE to the model.")


def _fitting(entry: _Entry) -> Iterator[Finding]:
    """That a data set and every metric are for the task of the model."""
    data = entry.setting("data")
    if data is None:
        remedy = _these(name for name, card in DATASETS.items() if entry.task in card.tasks)
        yield Finding(entry.path, f"{entry.name or 'the model'} has no data.", f"Add data: {remedy}")
    if entry.task not in _TASKS:
        return
    card = DATASETS.get(_text(data, "name")) if isinstance(data, Mapping) else None
    if card and entry.task not in card.tasks:
        what = f"{entry.name} does {entry.task}; the data set {card.name} is for {' and '.join(card.tasks)}."
        yield Finding(entry.path, what, _for_task(DATASETS, entry.task))
    for name in dict.fromkeys(_names(entry.setting("metrics"))):
        metric = METRICS.get(name)
        if metric and metric.task != entry.task:
            what = f"{entry.name} does {entry.task}; the metric {name} is for {metric.task}."
            yield Finding(entry.path, what, _for_task(METRICS, entry.task))


def _expectations(suite: Mapping[str, Any], entries: Sequence[_Entry]) -> Iterator[Finding]:
    for model, floors in _mapping(suite, "expect").items():
        path: Path = ("expect", model)
        named = [entry for entry in entries if entry.name == model]
        if not named:
            names = {entry.name for entry in entries} & {*MODELS}
            yield Finding(path, f'there is no model "{model}" in this suite.', suggestion(model, names))
            continue
        figures = [figure for entry in named for figure in _figures(entry)]
        for figure in floors if isinstance(floors, Mapping) else ():
            if figures and figure not in figures:
                remedy = suggestion(figure, figures) or _these(dict.fromkeys(figures))
                yield Finding((*path, figure), f'{model} is given no figure "{figure}" here.', remedy)


def _figures(entry: _Entry) -> Iterator[str]:
    """Names of the figures that a model is scored with; none where not all its metrics have a Card."""
    names = entry.setting("metrics")
    if isinstance(names, list) and not all(name in METRICS for name in _names(names)):
        return
    for card in metrics_of(names, entry.task):
        if card.task == entry.task:
            yield from card.figures


def metrics_of(names: Any, task: str | None) -> list[MetricCard]:
    """The Cards of the metrics that are named, or, where none are, of the task's default ones."""
    if names is None:
        return [card for card in METRICS.values() if card.default and card.task == task]
    return [METRICS[name] for name in _names(names) if name in METRICS]


def _options(card: Card, tree: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    for name, value in _mapping(tree, "options").items():
        here = (*path, "options", name)
        choice = card.options.get(name)
        if choice is None:
            near = suggestion(name, card.options, listing=f"cvbench show {card.name}")
            yield Finding(here, f'{card.name} has no option "{name}".', near)
        elif choice.default is not None and not _alike(value, choice.default):
            what = f"{shown(value)} is not {_kind(choice.default)}."
            yield Finding(here, what, f"{name}: {choice.help}; by default {shown(choice.default)}.")


def _alike(value: Any, default: Any) -> bool:
    """Whether a value is of the kind of a default; a whole number is a number, true is not."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, list if isinstance(default, tuple) else type(default))


def _kind(default: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", tuple: "a list"}
    return names[type(default)]


def _named(catalogue: Catalogue[Any], name: Any, path: Path) -> Iterator[Finding]:
    if isinstance(name, str) and name not in catalogue and not is_address(name):
        yield Finding(path, f'there is no {catalogue.kind} "{name}".', catalogue.suggest(name))


def _repeated(values: Sequence[Any], path: Path) -> Iterator[Finding]:
    for index, value in enumerate(values):
        if value in values[:index]:
            yield Finding((*path, index), f"{shown(value)} stands twice in this list.")


def _for_task(catalogue: Catalogue[Any], task: str) -> str:
    fitting = (
        name
        for name, card in catalogue.items()
        if task in (card.tasks if isinstance(card, DatasetCard) else [card.task])
    )
    return f"{catalogue.kind.capitalize()}s for {task}: {_these(fitting)}"


def _these(names: Any) -> str:
    return ", ".join(names)


def _mapping(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = tree.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(tree: Mapping[str, Any], key: str) -> list[Any]:
    value = tree.get(key)
    return value if isinstance(value, list) else []


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _text(tree: Mapping[str, Any], key: str) -> str:
    value = tree.get(key)
    return value if isinstance(value, str) else ""
