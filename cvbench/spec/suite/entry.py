"""A suite's tree as far as it can be made out: what has the wrong type counts as absent.

The checks read the tree through these rather than through the form, so that a wrong type in one
place hides no wrong name in another; the form reports the types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from cvbench.spec.catalogue import DATASETS, MODELS, DatasetCard
from cvbench.spec.cell import TaskName
from cvbench.spec.suite.messages import Path

TASKS: tuple[TaskName, ...] = get_args(TaskName)


class Entry(NamedTuple):
    """One model of a suite."""

    path: Path
    tree: Mapping[str, Any]
    suite: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, or nothing."""
        return text(self.tree, "name")

    @property
    def task(self) -> str:
        """Its task, or nothing where it is not known."""
        card = MODELS.get(self.name)
        return card.task if card else text(self.tree, "task")

    @property
    def data_card(self) -> DatasetCard | None:
        """The Card of the data set that it meets, where there is one."""
        data = self.setting("data")
        return DATASETS.get(text(data, "name")) if isinstance(data, Mapping) else None

    def setting(self, key: str) -> Any:
        """The entry's own setting, or else the suite's."""
        return self.tree[key] if key in self.tree else self.suite.get(key)

    def says(self, key: str) -> bool:
        """Whether a setting is written at all, here or in the suite."""
        return key in self.tree or key in self.suite


def entries_of(suite: Mapping[str, Any]) -> list[Entry]:
    """The models of a suite that is spelled out."""
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
    """The text at a key, or none."""
    value = tree.get(key)
    return value if isinstance(value, str) else ""
