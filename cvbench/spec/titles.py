"""Distinct titles for the cells of one run: a title shows only the settings in which its namesakes differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from cvbench.spec.cell import Cell

_KEY_DIGITS = 6


def distinct_titles(cells: Sequence[Cell], *, shown: Collection[str] = ()) -> list[str]:
    """The display name of each cell: its title, and the settings in which cells of that title differ.

    `shown` names settings that are displayed elsewhere, such as in a column. Cells that still share a title
    get the first digits of their key. Equal cells get equal titles.

    >>> from cvbench.spec.cell import DataSpec, ModelSpec
    >>> models = [ModelSpec(name="resnet18", weights=f"runs/{name}.pt") for name in "ab"]
    >>> distinct_titles([Cell(model=model, data=DataSpec(name="fashion")) for model in models])
    ['resnet18 weights=a.pt', 'resnet18 weights=b.pt']
    """
    groups: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.title, {})[cell.key] = cell
    named: dict[str, str] = {}
    for title, own in groups.items():
        named |= dict.fromkeys(own, title) if len(own) == 1 else _apart(title, own, shown)
    return [named[cell.key] for cell in cells]


def _apart(title: str, cells: Mapping[str, Cell], shown: Collection[str]) -> dict[str, str]:
    """Key → distinct title, for different cells that share a title."""
    settings = {key: _settings(cell) for key, cell in cells.items()}
    _shorten_files(settings)
    names = [name for name in dict.fromkeys(n for one in settings.values() for n in one) if name not in shown]
    differ = [name for name in names if len({str(one.get(name)) for one in settings.values()}) > 1]
    titles = {}
    for key, own in settings.items():
        words = [f"{name}={own[name]}" for name in differ if own.get(name) is not None]
        titles[key] = " ".join([title, *words])
    # Columns may distinguish them already; the rest differ in a setting without a short form.
    count = Counter((titles[key], *(str(own.get(name)) for name in shown)) for key, own in settings.items())
    for key, own in settings.items():
        if count[titles[key], *(str(own.get(name)) for name in shown)] > 1:
            titles[key] += f" ({key[:_KEY_DIGITS]})"
    return titles


def _shorten_files(settings: Mapping[str, dict[str, Any]]) -> None:
    """Shorten weights to their file name, where that name is unique."""
    files = {one["weights"] for one in settings.values() if one.get("weights")}
    names = Counter(PurePath(file.partition("#")[0]).name for file in files)
    for one in settings.values():
        if one.get("weights") and names[short := PurePath(one["weights"].partition("#")[0]).name] == 1:
            one["weights"] = short


def _settings(cell: Cell) -> dict[str, Any]:
    """Name → value of the settings in which cells of one title may differ, in display order."""
    model, runtime = cell.model, cell.runtime
    lists = {name: value for name, value in model.options.items() if isinstance(value, tuple)}
    recipe = cell.train.model_dump(mode="json") if cell.train else {}
    plain = {name: value for name, value in recipe.items() if isinstance(value, bool | int | float | str)}
    return {
        **(dict(model.options) if model.title else lists),
        "weights": model.weights,
        "labels": model.labels,
        **{f"train.{name}": value for name, value in plain.items()},
        "data": cell.data.name,
        "split": cell.data.split,
        "limit": cell.data.limit,
        "precision": runtime.precision,
        "layout": runtime.layout,
        "compile": runtime.compile,
        "engine": runtime.engine or "torch",
        "cuda graphs": bool(runtime.cuda_graphs),
        "device": runtime.device,
        "threads": runtime.threads,
        "batch": runtime.batch,
        "seed": cell.seed,
    }
