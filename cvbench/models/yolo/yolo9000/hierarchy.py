"""A softmax among the children of each node, and what it says of a data set's classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from cvbench.models.yolo.yolo9000.tree import WordTree

Report: TypeAlias = Literal["classes", "path"]
"""Every class with its probability, or the one at which the way down the tree ends."""


class Hierarchy(nn.Module):
    """Logits, one a node, as probabilities of the classes of a data set, each of which is a node.

    It is a module only so that its tables follow the net from device to device.
    """

    groups: Tensor
    nodes: Tensor
    depths: Tensor
    reported: Tensor

    def __init__(self, tree: WordTree, nodes: Sequence[int], *, report: Report, threshold: float) -> None:
        """`nodes` are those of the classes; `threshold` is where the way down ends."""
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
        """Cross entropy of every softmax on the way from the root to the label; those below learn nothing."""
        return -self._along_paths(self._conditional(logits)).gather(1, self.nodes[label][:, None])[:, 0]

    def probability(self, logits: Float[Tensor, "p outputs"], label: Int64[Tensor, " p"]) -> Tensor:
        """The product of the conditional probabilities from the root to the label."""
        absolute = self._along_paths(self._conditional(logits))
        return absolute.gather(1, self.nodes[label][:, None])[:, 0].exp()

    def scores(self, logits: Float[Tensor, "b n outputs"]) -> Float[Tensor, "b n classes"]:
        """P(class) of every class, or of the one where the way down ends, and 0 for the others."""
        conditional = self._conditional(logits)
        absolute = self._along_paths(conditional)
        if self.report == "classes":
            return absolute[..., self.nodes].exp()
        probability = absolute.exp()
        end = self._end(conditional, probability)  # b n 1
        scores = probability.new_zeros(*logits.shape[:-1], self.classes + 1)
        # What ends above all classes is reported as none: it goes to a column that is cut off.
        return scores.scatter_(-1, self.reported[end], probability.gather(-1, end))[..., :-1]

    def _conditional(self, logits: Float[Tensor, "*any outputs"]) -> Float[Tensor, "*any outputs"]:
        """The logarithm of P(node | parent)."""
        groups = self.groups.expand_as(logits)
        shape = (*logits.shape[:-1], self.softmaxes)
        with torch.no_grad():
            most = logits.new_full(shape, -torch.inf).scatter_reduce_(-1, groups, logits, "amax")
        shifted = logits - most.gather(-1, groups)
        total = logits.new_zeros(shape).scatter_add(-1, groups, shifted.exp())
        return shifted - total.log().gather(-1, groups)

    def _along_paths(self, values: Float[Tensor, "*any outputs"]) -> Float[Tensor, "*any outputs"]:
        """At each node the sum over itself and all its ancestors."""
        for number in range(self.jumps):  # the logarithm of the depth: four steps for 9,418 words
            above = getattr(self, f"jump{number}")
            values = values + torch.cat([values, values.new_zeros(*values.shape[:-1], 1)], -1)[..., above]
        return values

    def _end(
        self, conditional: Float[Tensor, "b n outputs"], probability: Float[Tensor, "b n outputs"]
    ) -> Int64[Tensor, "b n 1"]:
        """The last node of the way down: always the best child, as long as it is probable enough.

        The best root is reached in any case. Among equals the first goes on.
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
