"""Whether what a suite names fits together: a model with its data, its metrics and its training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cvbench.errors import suggestion
from cvbench.spec.catalogue import DATASETS, METRICS, MODELS, MetricCard, default_metrics
from cvbench.spec.suite.entry import TASKS, Entry, entries_of, mapping
from cvbench.spec.suite.messages import Finding, Path
from cvbench.spec.suite.wording import shown


def misfits(suite: Mapping[str, Any]) -> Iterator[Finding]:
    """What does not go together in a suite that is spelled out."""
    entries = entries_of(suite)
    for entry in entries:
        yield from _training(entry)
        yield from _data(entry)
        yield from _metrics(entry)
        yield from _published(entry)
    yield from _expectations(mapping(suite, "expect"), entries)


def metrics_of(names: Any, task: str | None) -> list[MetricCard]:
    """The Cards of the metrics that are named, or, where none are, of the task's default ones."""
    if names is None:
        return default_metrics(task)
    return [METRICS[name] for name in dict.fromkeys(_words(names)) if name in METRICS]


def _training(entry: Entry) -> Iterator[Finding]:
    """That a model has its weights from somewhere, and from one place only."""
    if entry.tree.get("weights") is not None:
        if entry.tree.get("train") is not None:
            what, remedy = "these weights are loaded, so nothing is trained.", "Keep the one that is meant."
            yield Finding((*entry.path, "train"), what, remedy)
    elif entry.setting("train") is not None:
        data = entry.data_card
        if data and "train" not in data.splits:
            what = f"{data.name} has no images to train on, only {', '.join(data.splits)}."
            yield Finding(entry.path, what, "Add weights: FILE to the model.")
    elif entry.setting("metrics") != []:  # to time a net, its weights need not be any good
        what = f"{entry.name or 'the model'} has no weights, and there is no recipe to train it."
        remedy = "Add train: {epochs: 10} to the suite, or weights: FILE to the model."
        yield Finding(entry.path, what, remedy)
    elif entry.says("time") and entry.setting("time") is None:
        yield Finding(entry.path, "this is neither scored nor timed.", "Remove metrics: [] or time: null")


def _data(entry: Entry) -> Iterator[Finding]:
    fitting = [name for name, card in DATASETS.items() if entry.task in card.tasks]
    card = entry.data_card
    if entry.setting("data") is None:
        remedy = f"Add data: {', '.join(fitting or DATASETS)}"
        yield Finding(entry.path, f"{entry.name or 'the model'} has no data.", remedy)
    elif card and entry.task in TASKS and entry.task not in card.tasks:
        what = f"{entry.name} does {entry.task}; the data set {card.name} is for {' and '.join(card.tasks)}."
        yield Finding(entry.path, what, f"Data sets for {entry.task}: {', '.join(fitting)}")


def _metrics(entry: Entry) -> Iterator[Finding]:
    fitting = [name for name, card in METRICS.items() if card.task == entry.task]
    for card in metrics_of(entry.setting("metrics"), entry.task):
        if entry.task in TASKS and card.task != entry.task:
            what = f"{entry.name} does {entry.task}; the metric {card.name} is for {card.task}."
            yield Finding(entry.path, what, f"Metrics for {entry.task}: {', '.join(fitting)}")


def _expectations(expect: Mapping[str, Any], entries: Sequence[Entry]) -> Iterator[Finding]:
    for model, floors in expect.items():
        path: Path = ("expect", model)
        figures = [figure for entry in entries if entry.name == model for figure in _figures(entry)]
        if model not in {entry.name for entry in entries}:
            known = {entry.name for entry in entries} & {*MODELS}
            yield Finding(path, f"there is no model {shown(model)} in this suite.", suggestion(model, known))
        for figure in floors if isinstance(floors, Mapping) else ():
            if figures and figure not in figures:
                remedy = suggestion(figure, figures) or ", ".join(dict.fromkeys(figures))
                yield Finding((*path, figure), f"{model} is given no figure {shown(figure)} here.", remedy)


def _published(entry: Entry) -> Iterator[Finding]:
    figures = list(_figures(entry))
    for figure in mapping(entry.tree, "published"):
        if figures and figure not in figures:
            remedy = suggestion(figure, figures) or ", ".join(dict.fromkeys(figures))
            what = f"{entry.name} is given no figure {shown(figure)} here."
            yield Finding((*entry.path, "published", figure), what, remedy)
    if entry.tree.get("labels") is not None and entry.tree.get("weights") is None:
        what, remedy = "labels are those of weights, and there are none.", "Remove labels, or add weights."
        yield Finding((*entry.path, "labels"), what, remedy)


def _figures(entry: Entry) -> Iterator[str]:
    """Names of the figures that a model is scored with; none where not all its metrics have a Card."""
    names = entry.setting("metrics")
    if all(name in METRICS for name in _words(names)):
        fitting = [card for card in metrics_of(names, entry.task) if card.task == entry.task]
        yield from (figure for card in fitting for figure in card.figures)


def _words(names: Any) -> Iterable[str]:
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
