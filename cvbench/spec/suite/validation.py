"""Checks of a suite: its models, datasets, metrics, splits and options exist and fit together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from cvbench.errors import CvbenchError, shown, suggestion
from cvbench.spec.catalogue import (
    DATASETS,
    METRICS,
    MODELS,
    Card,
    Catalogue,
    DatasetCard,
    default_metrics,
    is_address,
    stored_metric,
)
from cvbench.spec.catalogue.options import option_problems
from cvbench.spec.catalogue.weights import weight_file
from cvbench.spec.cell import ModelSpec, TaskName
from cvbench.spec.suite.messages import Path, SuiteProblem

TASKS: tuple[TaskName, ...] = get_args(TaskName)


class Entry(NamedTuple):
    """One model of a suite."""

    path: Path
    tree: Mapping[str, Any]
    suite: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The model's name, or an empty text."""
        return text(self.tree, "name")

    @property
    def task(self) -> str:
        """The model's task, or an empty text if it is unknown."""
        card = MODELS.get(self.name)
        return card.task if card else text(self.tree, "task")

    @property
    def data_card(self) -> DatasetCard | None:
        """The Card of the model's dataset, or None."""
        data = self.setting("data")
        return DATASETS.get(text(data, "name")) if isinstance(data, Mapping) else None

    def setting(self, key: str) -> Any:
        """The model's own setting, or else the suite's."""
        return self.tree[key] if key in self.tree else self.suite.get(key)

    def says(self, key: str) -> bool:
        """Whether the model or the suite sets the key."""
        return key in self.tree or key in self.suite


def entries_of(suite: Mapping[str, Any]) -> list[Entry]:
    """The models of a suite without short forms."""
    models = enumerate(items(suite, "models"))
    return [Entry(("models", index), tree, suite) for index, tree in models if isinstance(tree, Mapping)]


def mapping(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The mapping at a key, or an empty one."""
    value = tree.get(key)
    return value if isinstance(value, Mapping) else {}


def items(tree: Mapping[str, Any], key: str) -> list[Any]:
    """The list at a key, or an empty one."""
    value = tree.get(key)
    return value if isinstance(value, list) else []


def text(tree: Mapping[str, Any], key: str) -> str:
    """The text at a key, or an empty one."""
    value = tree.get(key)
    return value if isinstance(value, str) else ""


def unknown_names(suite: Mapping[str, Any]) -> Iterator[SuiteProblem]:
    """Unknown names in a suite without short forms, and values that a list repeats."""
    yield from _settings(suite, ())
    for entry in entries_of(suite):
        yield from _settings(entry.tree, entry.path)
        yield from _model(entry)


def _settings(tree: Mapping[str, Any], path: Path) -> Iterator[SuiteProblem]:
    yield from _data(mapping(tree, "data"), (*path, "data"))
    yield from _data(mapping(mapping(tree, "train"), "also"), (*path, "train", "also"))
    for index, name in enumerate(items(tree, "metrics")):
        yield from _named(METRICS, name, (*path, "metrics", index))
    yield from _repeated(items(tree, "metrics"), (*path, "metrics"), same=stored_metric)
    yield from _repeated(items(tree, "seed"), (*path, "seed"))
    runtime = mapping(tree, "runtime")
    for key in runtime:
        yield from _repeated(items(runtime, key), (*path, "runtime", key))


def _model(entry: Entry) -> Iterator[SuiteProblem]:
    yield from _named(MODELS, entry.tree.get("name"), (*entry.path, "name"))
    yield from _weights(entry)
    card, stated = MODELS.get(entry.name), text(entry.tree, "task")
    if card:
        yield from _options(card, entry.tree, entry.path)
        if stated in TASKS and stated != card.task:
            yield SuiteProblem((*entry.path, "task"), f"{card.name} does {card.task}.", "Remove task.")
    elif is_address(entry.name) and "task" not in entry.tree:
        remedy = f"Add task: {', '.join(TASKS[:-1])} or {TASKS[-1]}"
        yield SuiteProblem(entry.path, "a model by import path needs its task.", remedy)


def _weights(entry: Entry) -> Iterator[SuiteProblem]:
    """Problems in the text of `weights`. The file itself is not looked for."""
    said = text(entry.tree, "weights")
    if not said or not entry.name:
        return
    try:
        weight_file(ModelSpec(name=entry.name, weights=said))
    except CvbenchError as error:
        what, _, remedy = str(error).partition("\n")
        yield SuiteProblem((*entry.path, "weights"), what, remedy.strip())


def _data(data: Mapping[str, Any], path: Path) -> Iterator[SuiteProblem]:
    yield from _named(DATASETS, data.get("name"), (*path, "name"))
    card, split = DATASETS.get(text(data, "name")), text(data, "split")
    if not card:
        return
    yield from _options(card, data, path)
    if split and split not in card.splits:
        what = f"{card.name} has no split {shown(split)}."
        remedy = suggestion(split, card.splits) or f"It has {', '.join(card.splits)}."
        yield SuiteProblem((*path, "split"), what, remedy)


def _options(card: Card, tree: Mapping[str, Any], path: Path) -> Iterator[SuiteProblem]:
    for problem in option_problems(card.name, mapping(tree, "options"), card.options):
        yield SuiteProblem((*path, "options", problem.option), problem.what, problem.remedy)


def _named(catalogue: Catalogue[Any], name: Any, path: Path) -> Iterator[SuiteProblem]:
    if isinstance(name, str) and name not in catalogue and not is_address(name):
        yield SuiteProblem(path, f"there is no {catalogue.kind} {shown(name)}.", catalogue.suggest(name))


def _repeated(
    values: Sequence[Any], path: Path, *, same: Callable[[str], str] = str
) -> Iterator[SuiteProblem]:
    """Values that are listed twice; `same` maps aliases of a name to one spelling."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        written = json.dumps(same(value) if isinstance(value, str) else value, sort_keys=True)
        if written in seen:
            yield SuiteProblem((*path, index), f"{shown(value)} is listed twice.")
        seen.add(written)


def misfits(suite: Mapping[str, Any]) -> Iterator[SuiteProblem]:
    """Settings that do not fit together, in a suite without short forms."""
    entries = entries_of(suite)
    for entry in entries:
        yield from _training(entry)
        yield from _fitting_data(entry)
        yield from _preprocessing(entry)
        yield from _metrics(entry)
        yield from _published(entry)
    yield from _expectations(mapping(suite, "expect"), entries)


def _training(entry: Entry) -> Iterator[SuiteProblem]:
    """A model needs weights or a recipe, and not both."""
    if entry.tree.get("weights") is not None:
        if entry.tree.get("train") is not None:
            what, remedy = "the model has weights, so it is not trained.", "Remove train or weights."
            yield SuiteProblem((*entry.path, "train"), what, remedy)
    elif entry.setting("train") is not None:
        data = entry.data_card
        if data and "train" not in data.splits:
            what = f"{data.name} has no images to train on, only {', '.join(data.splits)}."
            yield SuiteProblem(entry.path, what, "Add weights: FILE to the model.")
    elif entry.setting("metrics") != []:  # timing alone needs no trained weights
        what = f"{entry.name or 'the model'} has no weights, and there is no recipe to train it."
        remedy = "Add train: {epochs: 10} to the suite, or weights: FILE to the model."
        yield SuiteProblem(entry.path, what, remedy)
    elif entry.says("time") and entry.setting("time") is None:
        yield SuiteProblem(
            entry.path, "the model is neither scored nor timed.", "Remove metrics: [] or time: null"
        )


def _preprocessing(entry: Entry) -> Iterator[SuiteProblem]:
    """Only a model by import path takes `preprocessing`."""
    if entry.tree.get("preprocessing") is not None and not is_address(entry.name or ""):
        what = f"{entry.name} has its own preprocessing; this key is for models by import path."
        remedy = f"Change it with options: cvbench show {entry.name}"
        yield SuiteProblem((*entry.path, "preprocessing"), what, remedy)


def _fitting_data(entry: Entry) -> Iterator[SuiteProblem]:
    fitting = [name for name, card in DATASETS.items() if entry.task in card.tasks]
    card = entry.data_card
    if entry.setting("data") is None:
        remedy = f"Add data: {', '.join(fitting or DATASETS)}"
        yield SuiteProblem(entry.path, f"{entry.name or 'the model'} has no data.", remedy)
    elif card and entry.task in TASKS and entry.task not in card.tasks:
        what = f"{entry.name} does {entry.task}; the dataset {card.name} is for {' and '.join(card.tasks)}."
        yield SuiteProblem(entry.path, what, f"Datasets for {entry.task}: {', '.join(fitting)}")


def _metrics(entry: Entry) -> Iterator[SuiteProblem]:
    fitting = [name for name, card in METRICS.items() if card.task == entry.task]
    for name in dict.fromkeys(_words(entry.setting("metrics"))):
        card = METRICS.get(name)
        if card and entry.task in TASKS and card.task != entry.task:
            what = f"{entry.name} does {entry.task}; the metric {name} is for {card.task}."
            yield SuiteProblem(entry.path, what, f"Metrics for {entry.task}: {', '.join(fitting)}")


def _expectations(expect: Mapping[str, Any], entries: Sequence[Entry]) -> Iterator[SuiteProblem]:
    for model, floors in expect.items():
        path: Path = ("expect", model)
        figures = [figure for entry in entries if entry.name == model for figure in _figures(entry)]
        if model not in {entry.name for entry in entries}:
            known = {entry.name for entry in entries} & {*MODELS}
            yield SuiteProblem(
                path, f"there is no model {shown(model)} in this suite.", suggestion(model, known)
            )
        for figure in floors if isinstance(floors, Mapping) else ():
            if figures and figure not in figures:
                remedy = suggestion(figure, figures) or f"It has {', '.join(dict.fromkeys(figures))}."
                yield SuiteProblem((*path, figure), f"{model} has no metric {shown(figure)} here.", remedy)


def _published(entry: Entry) -> Iterator[SuiteProblem]:
    figures = list(_figures(entry))
    for figure in mapping(entry.tree, "published"):
        if figures and figure not in figures:
            remedy = suggestion(figure, figures) or f"It has {', '.join(dict.fromkeys(figures))}."
            what = f"{entry.name} has no metric {shown(figure)} here."
            yield SuiteProblem((*entry.path, "published", figure), what, remedy)
    if entry.tree.get("labels") is not None and entry.tree.get("weights") is None:
        what, remedy = "labels describes weights, and the model has none.", "Remove labels, or add weights."
        yield SuiteProblem((*entry.path, "labels"), what, remedy)


def _figures(entry: Entry) -> Iterator[str]:
    """Names of a model's measurements; none if one of its metrics has no Card."""
    names = entry.setting("metrics")
    if all(name in METRICS for name in _words(names)):
        cards = default_metrics(entry.task) if names is None else [METRICS[name] for name in _words(names)]
        yield from (figure for card in cards if card.task == entry.task for figure in card.figures)


def _words(names: Any) -> Iterable[str]:
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
