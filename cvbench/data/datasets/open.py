"""From a DataSpec to an open data set: its name, its folder, its options, a part of its images."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cvbench.data.datasets.subset import drawn
from cvbench.errors import DataError, InputError, UnknownName, suggestion
from cvbench.interfaces import Dataset
from cvbench.spec.catalogue import DATASETS, Choice, DatasetCard, is_address, load
from cvbench.spec.catalogue.datasets import ROOT_VARIABLE, find_root
from cvbench.spec.catalogue.options import check_options, choices_of
from cvbench.spec.cell import DataSpec, TaskName
from cvbench.spec.folders import expanded


def open_dataset(
    spec: DataSpec, *, task: TaskName, split: str | None = None, limit: int | None = None, seed: int = 0
) -> Dataset:
    """The data set of a spec, with truths for `task`.

    Without `split` it is what the spec scores: its own split, limited to as many images as the spec says. The
    spec's limit is for scoring only: a split that is named here (a training wants `train`) is limited to the
    `limit` that is named here, and opened whole without one. Limited images are drawn evenly with `seed`.

    The folder is the spec's `root`, else the data set's sub-folder of `$CVBENCH_DATA` where there is
    one, else none: then a set that comes along opens its own files.

    Raises UnknownName for a name, a split or an option that there is not, and DataError for a task
    without truth, an option of the wrong type, a folder that is needed and missing, and files that
    are absent or damaged.
    """
    if split is None and limit is not None:
        raise ValueError("the limit of the split that is scored stands in the spec")
    wanted, count = (spec.split, spec.limit) if split is None else (split, limit)
    if is_address(spec.name):
        dataset = _open_address(spec, task, wanted)
    else:
        card = DATASETS.find(spec.name)
        _check(card, task, wanted)
        _check_options(spec, card.options)
        root = find_root(card.name, spec.root)
        if root is None and card.needs_root:
            raise DataError(
                f"{card.name}: its files do not come along.\n"
                f"  Name their folder as root, or put it at ${ROOT_VARIABLE}/{card.name}."
            )
        try:
            dataset = DATASETS.load(card.name)(task=task, split=wanted, root=root, **spec.options)
        except InputError as error:  # from a reader that is also used for files that a command is handed
            raise DataError(str(error)) from error
    return drawn(dataset, count, seed=seed)


def _open_address(spec: DataSpec, task: TaskName, split: str) -> Dataset:
    opener = load(spec.name)
    if not callable(opener):
        raise DataError(f"{spec.name}: cannot be called; name a function (task=, split=, root=, **options)")
    arguments: dict[str, Any] = {"task": task, "split": split, "root": spec.root, **spec.options}
    try:
        inspect.signature(opener).bind(**arguments)
    except TypeError as error:
        raise DataError(
            f"{spec.name}: cannot be called with {', '.join(arguments)} ({error}).\n"
            "  An opener takes task=, split=, root= and the options that a suite gives it."
        ) from error
    _check_options(spec, choices_of(opener, without=("task", "split", "root")))
    dataset = opener(**arguments)
    if not isinstance(dataset, Dataset):
        promised = ("classes", "task", "passport", "__len__", "__getitem__")
        missing = ", ".join(name for name in promised if not hasattr(dataset, name))
        raise DataError(f"{spec.name}: what it returns is no data set: it has no {missing}")
    return dataset


def _check_options(spec: DataSpec, choices: Mapping[str, Choice]) -> None:
    try:
        check_options(spec.name, spec.options, choices)
    except InputError as error:
        raise DataError(str(error)) from error


def _check(card: DatasetCard, task: TaskName, split: str) -> None:
    if task not in card.tasks:
        raise DataError(f"{card.name} has no truth for {task}, only for {' and '.join(card.tasks)}")
    if split not in card.splits:
        raise UnknownName(
            f'{card.name} has no split "{split}", only {" and ".join(card.splits)}.'
            f"\n  {suggestion(split, card.splits)}".rstrip()
        )


def root_folder(name: str, root: str | None) -> Path:
    """The root of a data set whose files do not come along; raises DataError where there is none."""
    if root is None:
        raise DataError(f"{name}: its files do not come along; name their folder as root")
    folder = expanded(root)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; it should hold {name}")
    return folder


def split_names(split: str) -> tuple[str, ...]:
    """What the folder of a split of one's own may be called, the usual name first."""
    return ("val", "valid", "validation") if split == "val" else (split,)


def hint_of_yolo(root: Path) -> str:
    """A remedy for a message, where the folder holds the files of YOLO's trainers; else nothing."""
    if not (root / "data.yaml").is_file() and next(root.glob("labels/*/*.txt"), None) is None:
        return ""
    return (
        ".\n  This looks like a dataset in YOLO's form (data.yaml, labels/*.txt), which cvbench does not "
        "read: convert it\n  to COCO's form and open it as coco-json. See docs/data.md"
    )


def first_there(root: Path, candidates: Sequence[str]) -> Path | None:
    """The first of these files or folders below `root` that is there."""
    return next((root / path for path in candidates if (root / path).exists()), None)


def looked_for(candidates: Sequence[str]) -> str:
    """The places, for a message."""
    return ", ".join(candidates[:-1]) + f" or {candidates[-1]}" if len(candidates) > 1 else candidates[0]


def check_count(name: str, split: str, *, found: int, published: int, what: str, subset: bool) -> None:
    """Raise DataError where a published split has another number of images, unless a part is asked for."""
    if found != published and not subset:
        raise DataError(
            f"{name}: {split} has {found:,} {what}, and as published {published:,}.\n"
            "  Usually a copy that was cut off, or another split. `cvbench data verify` says more;\n"
            "  the option subset=true scores what is there."
        )
