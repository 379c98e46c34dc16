"""Overrides `key=value` on the command line: a dotted path into the suite, with list indices; YAML values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cvbench.errors import Problem, SuiteError
from cvbench.spec.suite.messages import Path, show_path
from cvbench.spec.suite.yaml_loader import read


@dataclass
class Overrides:
    """Writes overrides into a tree, and remembers which override set which part."""

    problems: list[Problem] = field(default_factory=list)
    _brought: dict[Path, str] = field(default_factory=dict)

    def origin(self, path: Path) -> str | None:
        """The override that set the value at `path`, as typed; None if the file did."""
        for depth in range(len(path), 0, -1):
            if path[:depth] in self._brought:
                return self._brought[path[:depth]]
        return None

    def write(self, tree: dict[str, Any], texts: Sequence[str]) -> None:
        """Write each override into `tree`, in order, creating missing mappings.

        Unknown paths are written too; the checks of the tree report them.
        """
        for text in texts:
            key, equals, written = text.partition("=")
            steps = key.strip().split(".")
            if not equals or not all(steps):
                self._report(text, "not of the form key=value.", "Write, for instance, train.epochs=1")
                continue
            try:
                value, problems = read(written, f"override {text}")
            except SuiteError as error:
                self.problems += error.problems
                continue
            self.problems += problems
            self._put(tree, steps, value, text)

    def _put(self, tree: Any, steps: list[str], value: Any, text: str) -> None:
        path: Path = ()
        for depth, step in enumerate(steps):
            last = depth == len(steps) - 1
            here: Any = step
            if isinstance(tree, list):
                if not step.isdecimal() or int(step) >= len(tree):
                    self._report(text, _no_item(path, len(tree), step))
                    return
                here = int(step)
            elif not isinstance(tree, dict):
                self._report(text, f"{show_path(path)} is a single value and has no {step}.")
                return
            path = (*path, here)
            if last:
                if path[-2:] == ("data", "name") and isinstance(tree, dict):
                    self._forget_another_set(tree, path[:-1], value)
                tree[here] = value
                self._brought[path] = text
            elif isinstance(tree, list):
                tree[here] = _opened(tree[here], path)
            else:
                if tree.get(step) is None:  # absent, or null
                    self._brought[path] = text
                tree[here] = _opened(tree.get(step), path)
            tree = tree[here]

    def _forget_another_set(self, data: dict[str, Any], path: Path, name: Any) -> None:
        """Drop options, split and folder of the previous dataset, except those from overrides."""
        if data.get("name") == name:
            return
        said = {brought[: len(path) + 1] for brought in self._brought}
        for key in list(data):
            if (*path, key) not in said:
                del data[key]

    def _report(self, text: str, what: str, remedy: str = "") -> None:
        self.problems.append(Problem(f"override {text}", what, remedy))


def _opened(node: Any, path: Path) -> Any:
    """A node as a mapping: null becomes an empty one, and a name becomes `{name: …}`."""
    if node is None:
        return {}
    named = path[-1] == "data" or path[:-1] == ("models",)
    return {"name": node} if named and isinstance(node, str) else node


def _no_item(path: Path, length: int, step: str) -> str:
    if not length:
        return f"{show_path(path)} is empty and has no {step}."
    return f"{show_path(path)} has items 0 to {length - 1}; it has no {step}."
