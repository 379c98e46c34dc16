"""CUDA graphs: a net's launches recorded once for each shape of its input, then replayed as one."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

WARM_UPS = 3
"""Calls on a side stream before the recording, for what allocates at first use: torch's own number."""


class _Recorded(NamedTuple):
    images: Tensor
    """Where the graph reads from …"""
    graph: torch.cuda.CUDAGraph
    outputs: Any
    """… and what it writes to, each time the same memory."""


class Graphed:
    """Called as the net is; each call overwrites the outputs of the one before."""

    def __init__(self, net: nn.Module) -> None:
        self._net = net
        self._recorded: dict[tuple[int, ...], _Recorded] = {}

    def __call__(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """Outputs of the net, in the graph's own memory."""
        shape = tuple(images.shape)
        if shape not in self._recorded:
            self._recorded[shape] = self._record(images)
        recorded = self._recorded[shape]
        recorded.images.copy_(images)
        recorded.graph.replay()
        return recorded.outputs

    def _record(self, images: Tensor) -> _Recorded:
        held = images.clone(memory_format=torch.preserve_format)
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                self._net(held)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = self._net(held)
        return _Recorded(held, graph, outputs)
