"""Open the dataset of a DataSpec: resolve its name, folder and options, and sample its images."""

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
    """Open the dataset of a spec, with truth for `task`.

    Without `split`, this is the scored split, with the limit of the spec. With `split` (such as `train`), the
    limit is the argument `limit`, and there is none by default. Limited images are sampled evenly with
    `seed`.

    The folder is the spec's `root`, else the dataset's sub-folder of `$CVBENCH_DATA` if it exists. Without
    one, bundled datasets use their own files.

    Raises UnknownName for an unknown name, split or option, and DataError for a task without truth, an option
    of the wrong type, a missing folder, and missing or damaged files.
    """
    if split is None and limit is not None:
        raise ValueError("set the limit of the scored split in the spec")
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
                f"{card.name}: this dataset is not bundled.\n"
                f"  Set root to the folder that contains it, or put it at ${ROOT_VARIABLE}/{card.name}."
            )
        try:
            dataset = DATASETS.load(card.name)(task=task, split=wanted, root=root, **spec.options)
        except InputError as error:  # from a reader that commands also use for their input files
            raise DataError(str(error)) from error
    return drawn(dataset, count, seed=seed)


def _open_address(spec: DataSpec, task: TaskName, split: str) -> Dataset:
    opener = load(spec.name)
    if not callable(opener):
        raise DataError(f"{spec.name}: not callable; name a function (task=, split=, root=, **options)")
    arguments: dict[str, Any] = {"task": task, "split": split, "root": spec.root, **spec.options}
    try:
        inspect.signature(opener).bind(**arguments)
    except TypeError as error:
        raise DataError(
            f"{spec.name}: cannot be called with {', '.join(arguments)} ({error}).\n"
            "  An opener takes task=, split=, root= and the options of the suite."
        ) from error
    _check_options(spec, choices_of(opener, without=("task", "split", "root")))
    dataset = opener(**arguments)
    if not isinstance(dataset, Dataset):
        promised = ("classes", "task", "passport", "__len__", "__getitem__")
        missing = ", ".join(name for name in promised if not hasattr(dataset, name))
        raise DataError(f"{spec.name}: its return value is not a dataset: it has no {missing}")
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
    """The root of a dataset that is not bundled; raises DataError if there is none."""
    if root is None:
        raise DataError(f"{name}: this dataset is not bundled; set root to the folder that contains it")
    folder = expanded(root)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; set root to the folder that contains {name}")
    return folder


def split_names(split: str) -> tuple[str, ...]:
    """The accepted folder names of a split in your own data, the usual name first."""
    return ("val", "valid", "validation") if split == "val" else (split,)


def hint_of_yolo(root: Path) -> str:
    """A hint for messages if the folder is in YOLO format; else an empty text."""
    if not (root / "data.yaml").is_file() and next(root.glob("labels/*/*.txt"), None) is None:
        return ""
    return (
        ".\n  This looks like a dataset in YOLO format (data.yaml, labels/*.txt), which cvbench does not "
        "read: convert it\n  to COCO format and open it as coco-json. See docs/data.md#yolo"
    )


def first_there(root: Path, candidates: Sequence[str]) -> Path | None:
    """The first of these files or folders below `root` that exists, or None."""
    return next((root / path for path in candidates if (root / path).exists()), None)


def looked_for(candidates: Sequence[str]) -> str:
    """The places as text, for messages."""
    return ", ".join(candidates[:-1]) + f" or {candidates[-1]}" if len(candidates) > 1 else candidates[0]


def check_count(name: str, split: str, *, found: int, published: int, what: str, subset: bool) -> None:
    """Raise DataError if the number of images differs from the published one, unless `subset`."""
    if found != published and not subset:
        raise DataError(
            f"{name}: {split} has {found:,} {what}; the published split has {published:,}.\n"
            "  Usually the copy is incomplete, or of another split. `cvbench data verify` finds out;\n"
            "  the option subset=true scores the existing images."
        )
