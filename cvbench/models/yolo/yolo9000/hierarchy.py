"""The word tree: a softmax over the children of each node, and class probabilities along its paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from cvbench.errors import InputError
from cvbench.files import read_regular


@dataclass(frozen=True)
class WordTree:
    """A tree of words, or several: nodes are numbered from 0. Tables are on the CPU."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """The number of each node's parent; -1 for a root."""

    def __len__(self) -> int:
        return len(self.parents)

    @classmethod
    def flat(cls, words: int) -> WordTree:
        """A tree in which all nodes are roots: one softmax over all of them."""
        return cls(tuple(map(str, range(words))), (-1,) * words)

    @cached_property
    def groups(self) -> Int64[Tensor, " nodes"]:
        """The number of the softmax of each node; siblings share one, and so do all roots."""
        number = {parent: group for group, parent in enumerate(sorted(set(self.parents)))}
        return torch.tensor([number[parent] for parent in self.parents], device="cpu")

    @cached_property
    def jumps(self) -> tuple[Int64[Tensor, " nodes"], ...]:
        """Ancestors 1, 2, 4 … levels above each node, up to the depth of the tree; len(self) above a root.

        Adding the values of these ancestors, one level after another, sums along all paths in parallel.
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
        """The number of ancestors of each node."""
        steps = torch.ones(len(self), dtype=torch.int64, device="cpu")
        for above in self.jumps:
            steps = steps + torch.cat([steps, steps.new_zeros(1)])[above]
        return steps - 1

    @cached_property
    def leaves(self) -> Bool[Tensor, " nodes"]:
        """Which nodes have no children."""
        leaves = torch.ones(len(self), dtype=torch.bool, device="cpu")
        leaves[[parent for parent in self.parents if parent >= 0]] = False
        return leaves


def read_tree(path: Path) -> WordTree:
    """Reads a tree from a file: one node per line, with the number of its parent.

    Raises InputError for a file that cannot be read, an invalid line, a parent that is not in the file,
    and cycles.
    """
    names, parents = list[str](), list[int]()
    for number, line in enumerate(_lines(path), 1):
        match line.split():
            case [name, above] if above.removeprefix("-").isdecimal():
                names.append(name)
                parents.append(int(above))
            case _:
                raise InputError(f"{path}:{number}: {line!r} is not a name and the number of its parent.")
    for number, parent in enumerate(parents, 1):
        if not -1 <= parent < len(parents):
            raise InputError(
                f"{path}:{number}: the parent of {names[number - 1]} is {parent}, but node numbers are"
                f" 0 to {len(parents) - 1}.\n  Write -1 for a root."
            )
    tree = WordTree(tuple(names), tuple(parents))
    _require_roots(tree, path)
    return tree


def read_map(path: Path, tree: WordTree) -> tuple[int, ...]:
    """The node of each class, from a file with one node number per line; raises InputError for others."""
    nodes = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip().isdecimal() or int(line) >= len(tree):
            raise InputError(f"{path}:{number}: {line!r} is not a node number, 0 to {len(tree) - 1}.")
        nodes.append(int(line))
    return tuple(nodes)


def _lines(path: Path) -> list[str]:
    try:
        lines = read_regular(path).decode("utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: this cannot be read as text ({error}).") from error
    if not lines:
        raise InputError(f"{path}: the file is empty.")
    return lines


def _require_roots(tree: WordTree, path: Path) -> None:
    """Raise InputError unless every path up ends at a root: a repeated node is on a cycle."""
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
                f"{path}: these nodes are their own ancestors: {words}.\n  Change the parent of one of them."
            )
        sound.update(way)


Report: TypeAlias = Literal["classes", "path"]
"""Every class with its probability, or the one at which the way down the tree ends."""


class Hierarchy(nn.Module):
    """Converts logits, one per node, to probabilities of the dataset's classes, each of which is a node.

    It is a module only so that its tables move between devices with the network.
    """

    groups: Tensor
    nodes: Tensor
    depths: Tensor
    reported: Tensor

    def __init__(self, tree: WordTree, nodes: Sequence[int], *, report: Report, threshold: float) -> None:
        """`nodes` are the nodes of the classes; the path ends below `threshold`."""
        super().__init__()
        self.outputs = len(tree)
        self.classes = len(nodes)
        self.report = report
        self.threshold = threshold
        self.softmaxes = int(tree.groups.max()) + 1
        self.register_buffer("groups", tree.groups, persistent=False)
        self.register_buffer("depths", tree.depths, persistent=False)
        self.register_buffer("nodes", torch.tensor(list(nodes), device="cpu"), persistent=False)
        self.register_buffer("reported", _classes_above(tree, nodes), persistent=False)
        for number, above in enumerate(tree.jumps):
            self.register_buffer(f"jump{number}", above, persistent=False)
        self.jumps = len(tree.jumps)

    def loss(self, logits: Float[Tensor, "p outputs"], label: Int64[Tensor, " p"]) -> Float[Tensor, " p"]:
        """Cross entropy of every softmax from the root to the label; nodes below it learn nothing."""
        return -self._along_paths(self._conditional(logits)).gather(1, self.nodes[label][:, None])[:, 0]

    def probability(self, logits: Float[Tensor, "p outputs"], label: Int64[Tensor, " p"]) -> Tensor:
        """The product of the conditional probabilities from the root to the label."""
        absolute = self._along_paths(self._conditional(logits))
        return absolute.gather(1, self.nodes[label][:, None])[:, 0].exp()

    def scores(self, logits: Float[Tensor, "b n outputs"]) -> Float[Tensor, "b n classes"]:
        """P(class) of every class, or only of the class where the path ends, and 0 for the others."""
        conditional = self._conditional(logits)
        absolute = self._along_paths(conditional)
        if self.report == "classes":
            return absolute[..., self.nodes].exp()
        probability = absolute.exp()
        end = self._end(conditional, probability)  # b n 1
        scores = probability.new_zeros(*logits.shape[:-1], self.classes + 1)
        # A path that ends above all classes reports none: its score goes to a column that is cut off.
        return scores.scatter_(-1, self.reported[end], probability.gather(-1, end))[..., :-1]

    def _conditional(self, logits: Float[Tensor, "*any outputs"]) -> Float[Tensor, "*any outputs"]:
        """Logarithm of P(node | parent)."""
        groups = self.groups.expand_as(logits)
        shape = (*logits.shape[:-1], self.softmaxes)
        with torch.no_grad():
            most = logits.new_full(shape, -torch.inf).scatter_reduce_(-1, groups, logits, "amax")
        shifted = logits - most.gather(-1, groups)
        total = logits.new_zeros(shape).scatter_add(-1, groups, shifted.exp())
        return shifted - total.log().gather(-1, groups)

    def _along_paths(self, values: Float[Tensor, "*any outputs"]) -> Float[Tensor, "*any outputs"]:
        """At each node, the sum over the node and all its ancestors."""
        for number in range(self.jumps):  # logarithm of the depth: four steps for 9,418 nodes
            above = getattr(self, f"jump{number}")
            values = values + torch.cat([values, values.new_zeros(*values.shape[:-1], 1)], -1)[..., above]
        return values

    def _end(
        self, conditional: Float[Tensor, "b n outputs"], probability: Float[Tensor, "b n outputs"]
    ) -> Int64[Tensor, "b n 1"]:
        """The last node of the path that follows the best child while its probability is high enough.

        The path always includes the best root. Of equal nodes, the first one is used.
        """
        groups = self.groups.expand_as(conditional)
        shape = (*conditional.shape[:-1], self.softmaxes)
        most = conditional.new_full(shape, -torch.inf).scatter_reduce_(-1, groups, conditional, "amax")
        place = torch.arange(self.outputs, device=conditional.device)
        first = torch.where(conditional == most.gather(-1, groups), place, self.outputs)
        winner = first.new_full(shape, self.outputs).scatter_reduce_(-1, groups, first, "amin")
        passed_over = (winner.gather(-1, groups) != place).to(conditional)
        on_way = self._along_paths(passed_over) == 0
        reached = on_way & ((probability > self.threshold) | (self.depths == 0))
        return torch.where(reached, self.depths + 1, 0).argmax(dim=-1, keepdim=True)


def _classes_above(tree: WordTree, nodes: Sequence[int]) -> Int64[Tensor, " nodes"]:
    """The class that each node is reported as: its own, or the nearest above it; len(nodes) for none."""
    own = {node: label for label, node in enumerate(nodes)}
    found: dict[int, int] = {-1: len(nodes)}
    for node in tree.depths.argsort(stable=True).tolist():  # parents first
        found[node] = own.get(node, found[tree.parents[node]])
    return torch.tensor([found[node] for node in range(len(tree))], device="cpu")
