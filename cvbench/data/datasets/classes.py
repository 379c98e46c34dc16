"""Class lists of splits: labels follow names over all splits, and a mismatch is an error before training.

Only this file compares the classes of training and scored images.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cvbench.errors import DataError
from cvbench.interfaces import Dataset

_SHOWN: Final = 10


def joined_classes(numbered: Mapping[str, Mapping[int, str]]) -> tuple[str, ...]:
    """The classes of all splits in label order, from each split's ids and names, `train` first.

    A name has one label in all splits. If all splits give a name the same id, classes are in the order of the
    ids; else in the order of `train`, followed by the names that only later splits have.

    >>> joined_classes({"train": {1: "ant", 3: "cow"}, "val": {1: "ant", 2: "bee"}})
    ('ant', 'bee', 'cow')
    >>> joined_classes({"train": {1: "ant", 2: "bee"}, "val": {1: "bee", 2: "ant"}})
    ('ant', 'bee')
    """
    pairs = list(dict.fromkeys((number, name) for one in numbered.values() for number, name in one.items()))
    names = list(dict.fromkeys(name for one in numbered.values() for _, name in sorted(one.items())))
    if len(pairs) == len(names) == len({number for number, _ in pairs}):
        return tuple(name for _, name in sorted(pairs))
    return tuple(names)


def check_splits(place: object, split: str, names_of: Mapping[str, Iterable[str]]) -> None:
    """Raise DataError if `split` and `train` share no class name, or spell one differently (`Car`, `car`).

    A class that only one of them has is not an error.
    """
    scored, trained = list(names_of[split]), list(names_of.get("train", names_of[split]))
    if not scored or not trained:
        return
    if not set(scored) & set(trained):
        what = f"{split} and train have no class in common"
    else:
        spelled = {_plain(name): name for name in trained}
        twins = [(name, spelled.get(_plain(name), name)) for name in scored if name not in trained]
        other = [(mine, theirs) for mine, theirs in twins if mine != theirs and theirs not in scored]
        if not other:
            return
        what = f"{split} and train spell a class differently: {other[0][0]!r} and {other[0][1]!r}"
    raise DataError(
        f"{place}: {what}.\n{_both(split, scored, trained)}\n  Give each class one name in all splits."
    )


def check_trained(trained: Dataset, scored: Dataset) -> None:
    """Raise DataError if training and scored images have different labels."""
    if trained.classes != scored.classes:
        split = scored.passport.split
        raise DataError(
            f"{scored.passport.name}: training and scored images have different classes.\n"
            f"{_both(split, scored.classes, trained.classes)}\n"
            "  Give both splits the same class names in the same order."
        )


def _plain(name: str) -> str:
    return "".join(name.casefold().replace("_", " ").replace("-", " ").split())


def _both(split: str, scored: Sequence[str], trained: Sequence[str]) -> str:
    width = max(len(split), len("train"))
    return "\n".join(
        f"  {name:{width}}  {len(names)}: {_listed(names)}"
        for name, names in (("train", trained), (split, scored))
    )


def _listed(names: Sequence[str]) -> str:
    more = f", … and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
