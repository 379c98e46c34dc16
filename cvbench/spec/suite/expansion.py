"""From a suite file to its cells: settings are merged field by field, then all lists are combined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import NamedTuple, TypeVar

from cvbench.spec.canonical import Frozen
from cvbench.spec.catalogue import DATASETS, MODELS, Card, default_metrics, stored_metric
from cvbench.spec.cell import Cell, DataSpec, ModelSpec, Option, Runtime
from cvbench.spec.expectations import Published
from cvbench.spec.suite.messages import SuiteProblem
from cvbench.spec.suite.schema import ModelForm, RuntimeForm, Settings, SuiteFile

_MOST = 10_000
F = TypeVar("F", bound=Frozen)


class Expansion(NamedTuple):
    """The cells in the order of the suite, and problems: models that duplicate others."""

    cells: tuple[Cell, ...]
    findings: tuple[SuiteProblem, ...]
    published: Mapping[str, Mapping[str, Published]]
    """Cell key → metric → its published value."""


def expand(suite: SuiteFile) -> Expansion:
    """All cells of a checked suite.

    The order is by model, then by the fields of `runtime` in their order, then by seed (varies fastest).
    """
    count = sum(_count(model, suite) for model in suite.models)
    if count > _MOST:
        return Expansion((), (SuiteProblem((), f"{count} cells; a suite may have at most {_MOST}."),), {})
    first: dict[str, int] = {}
    cells: list[Cell] = []
    findings: list[SuiteProblem] = []
    published: dict[str, Mapping[str, Published]] = {}
    for index, model in enumerate(suite.models):
        for cell in _cells(model, suite):
            key = _with_defaults(cell).key
            twin = first.get(key)
            if twin == index:
                continue  # equal settings, such as two layouts for an engine
            if twin is not None:
                what = f"{cell.title} is the same experiment as models[{twin}]."
                findings.append(SuiteProblem(("models", index), what, "Remove one of the two."))
                break
            first[key] = index
            cells.append(cell)
            if model.published and cell.data.limit is None:
                published[cell.key] = model.published
    return Expansion(tuple(cells), tuple(findings), published)


def merged(base: F | None, over: F) -> F:
    """`over`, with the fields that it does not set taken from `base`, recursively."""
    if base is None:
        return over
    changes = {}
    for name in over.model_fields_set:
        old, new = getattr(base, name), getattr(over, name)
        changes[name] = merged(old, new) if isinstance(old, Frozen) and isinstance(new, Frozen) else new
    return base.model_copy(update=changes)


def settings_of(model: ModelForm, suite: SuiteFile) -> Settings:
    """The settings of one model: its own, else the suite's.

    A different dataset than the suite's inherits nothing from the suite's `data`.
    """
    common, own = _set_in(suite), _set_in(model)
    if common.data and own.data and common.data.name != own.data.name:
        common = common.model_copy(update={"data": None})
    return merged(common, own)


def _cells(model: ModelForm, suite: SuiteFile) -> Iterator[Cell]:
    card = MODELS.get(model.name)
    task = card.task if card else model.task
    settings = settings_of(model, suite)
    assert settings.data is not None  # checked before
    names = settings.metrics
    if names is None:
        names = tuple(card.name for card in default_metrics(task))
    for runtime, seed in product(_runtimes(settings.runtime), settings.seed):
        yield Cell(
            model=ModelSpec(
                name=model.name,
                # Models of other libraries store their task: a machine without the library can read it.
                task=None if MODELS.lists(model.name) else task,
                options=model.options,
                weights=model.weights,
                labels=model.labels,
                preprocessing=model.preprocessing,
                title=model.title,
            ),
            data=DataSpec.model_validate(settings.data.model_dump()),
            train=None if model.weights else settings.train,
            metrics=tuple(map(stored_metric, names)),
            time=settings.time,
            runtime=runtime,
            seed=seed,
        )


def _count(model: ModelForm, suite: SuiteFile) -> int:
    settings = settings_of(model, suite)
    return prod(len(getattr(settings.runtime, field)) for field in RuntimeForm.model_fields) * len(
        settings.seed
    )


def _set_in(form: Settings) -> Settings:
    """Only the settings that are set."""
    written = form.model_fields_set & Settings.model_fields.keys()
    return Settings(**{name: getattr(form, name) for name in written})


def _runtimes(form: RuntimeForm) -> Iterator[Runtime]:
    fields = list(RuntimeForm.model_fields)
    for values in product(*(getattr(form, field) for field in fields)):
        yield Runtime(**dict(zip(fields, values, strict=True)))


def _with_defaults(cell: Cell) -> Cell:
    """The cell with all options written out, so that equal cells have equal keys."""
    model = cell.model.model_copy(
        update={"options": _options(MODELS.get(cell.model.name), cell.model.options)}
    )
    data = cell.data.model_copy(update={"options": _options(DATASETS.get(cell.data.name), cell.data.options)})
    return cell.model_copy(update={"model": model, "data": data})


def _options(card: Card | None, options: Mapping[str, Option]) -> dict[str, Option | None]:
    defaults = {name: choice.default for name, choice in card.options.items()} if card else {}
    return {**defaults, **options}
