"""A tree of words, each with a parent that is more general, as darknet writes it.

One line a node: its name and the number of its parent's line, counted from 0; -1 for a root. The lines
may stand in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from cvbench.errors import InputError


@dataclass(frozen=True)
class WordTree:
    """Nodes by number; several roots are allowed. Tables are made in host memory."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """The number of each node's parent, -1 for a root."""

    def __len__(self) -> int:
        return len(self.parents)

    @classmethod
    def flat(cls, words: int) -> WordTree:
        """A tree of roots alone: one softmax over all of them."""
        return cls(tuple(map(str, range(words))), (-1,) * words)

    @cached_property
    def groups(self) -> Int64[Tensor, " nodes"]:
        """The softmax that each node takes part in, by number: that of its siblings, roots among them."""
        number = {parent: group for group, parent in enumerate(sorted(set(self.parents)))}
        return torch.tensor([number[parent] for parent in self.parents], device="cpu")

    @cached_property
    def jumps(self) -> tuple[Int64[Tensor, " nodes"], ...]:
        """Ancestors 1, 2, 4 … above each node, up to the depth of the tree; len(self) beyond a root.

        Adding what stands at the first, then at the second, and so on, sums along every path at once.
        """
        none = len(self)
        above = torch.tensor(
            [none if parent < 0 else parent for parent in self.parents] + [none], device="cpu"
        )
        jumps = []
        while bool((above[:none] < none).any()):
            jumps.append(above[:none])
            above = above[above]
        return tuple(jumps)

    @cached_property
    def depths(self) -> Int64[Tensor, " nodes"]:
        """How many nodes stand above each."""
        steps = torch.ones(len(self), dtype=torch.int64, device="cpu")
        for above in self.jumps:
            steps = steps + torch.cat([steps, steps.new_zeros(1)])[above]
        return steps - 1

    @cached_property
    def leaves(self) -> Bool[Tensor, " nodes"]:
        """Which nodes are nobody's parent."""
        leaves = torch.ones(len(self), dtype=torch.bool, device="cpu")
        leaves[[parent for parent in self.parents if parent >= 0]] = False
        return leaves


def read_tree(path: Path) -> WordTree:
    """The tree of a file.

    Raises InputError for a file that cannot be read, a line of another form, a parent that is not in
    the file, and nodes that are their own ancestors.
    """
    names, parents = list[str](), list[int]()
    for number, line in enumerate(_lines(path), 1):
        match line.split():
            case [name, above] if above.removeprefix("-").isdecimal():
                names.append(name)
                parents.append(int(above))
            case _:
                raise InputError(f"{path}:{number}: {line!r} is no name with the number of its parent.")
    for number, parent in enumerate(parents, 1):
        if not -1 <= parent < len(parents):
            raise InputError(
                f"{path}:{number}: the parent of {names[number - 1]} is number {parent}, and the nodes are"
                f" 0 to {len(parents) - 1}.\n  Write -1 for a root."
            )
    tree = WordTree(tuple(names), tuple(parents))
    _require_roots(tree, path)
    return tree


def read_map(path: Path, tree: WordTree) -> tuple[int, ...]:
    """The node of each class, from a file with one number a line; raises InputError for any other."""
    nodes = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip().isdecimal() or int(line) >= len(tree):
            raise InputError(f"{path}:{number}: {line!r} is no number of a node, 0 to {len(tree) - 1}.")
        nodes.append(int(line))
    return tuple(nodes)


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: this cannot be read as text ({error}).") from error
    if not lines:
        raise InputError(f"{path}: the file is empty.")
    return lines


def _require_roots(tree: WordTree, path: Path) -> None:
    """That every path upwards ends: a node seen twice on its way is on a cycle."""
    sound = {-1}
    for start in range(len(tree)):
        way: list[int] = []
        node = start
        while node not in sound and node not in way[-1:]:
            way.append(node)
            if len(way) > len(tree):
                break
            node = tree.parents[node]
        if node not in sound:
            cycle = [node]
            while (above := tree.parents[cycle[-1]]) != node:
                cycle.append(above)
            words = " -> ".join(tree.names[n] for n in [*cycle, node])
            raise InputError(
                f"{path}: these nodes are their own ancestors: {words}.\n  One needs another parent."
            )
        sound.update(way)
