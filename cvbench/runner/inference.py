"""A model as it is scored and timed: one precision, one layout, one device for both.

Evaluation and timing call the same object, so the accuracy and the speed in a record are of one model.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from cvbench.data.images.color import normalize
from cvbench.data.images.loader import batches
from cvbench.errors import CellError
from cvbench.interfaces import Dataset, Model
from cvbench.runner.exported import ExportedNet
from cvbench.spec.cell import Precision, Runtime
from cvbench.values import Prediction

WARM_UPS = 3
"""Calls on a side stream before the recording, for what allocates at first use: torch's own number."""


class _Recorded(NamedTuple):
    images: Tensor
    """Where the graph reads from …"""
    graph: torch.cuda.CUDAGraph
    outputs: Any
    """… and what it writes to, each time the same memory."""


class Graphed:
    """A model whose launches are replayed as a CUDA graph; each call overwrites the outputs of the last."""

    def __init__(self, net: nn.Module) -> None:
        self._net = net
        self._recorded: dict[tuple[int, ...], _Recorded] = {}

    def __call__(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """Outputs of the model, in the graph's own memory."""
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


_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def device_of(name: str) -> torch.device:
    """The torch device of the suite's `device`; raises CellError where the machine lacks it."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise CellError(f"runtime.device is {name}, and torch sees no GPU here.")
    return torch.device(name)


def set_precision(precision: Precision) -> None:
    """Allow or forbid TF32 in this process; autocast is `Inference`'s."""
    allowed = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


@dataclass(frozen=True, eq=False)
class Inference:
    """Prepared images in, predictions out."""

    model: Model
    net: Callable[[Float[Tensor, "b 3 h w"]], Any]
    """The model itself, or its compiled, recorded or exported form."""
    device: torch.device
    memory_format: torch.memory_format
    autocast: torch.dtype | None
    precision: Precision = "fp32"
    overwrites: bool = False
    """Whether the next call overwrites a call's outputs."""

    @classmethod
    def of(
        cls, model: Model, runtime: Runtime, device: torch.device, *, exported: bytes | None = None
    ) -> Inference:
        """`model` on its device, in evaluation mode, in the runtime's layout and precision.

        For an engine the model is exported, unless what had been `exported` before is given. Raises CellError
        for a model that cannot be, and for CUDA graphs without a GPU.
        """
        if not isinstance(model, nn.Module):
            raise CellError(
                f"{type(model).__name__} is not a torch.nn.Module. Return one from the model's builder."
            )
        memory_format = torch.channels_last if runtime.layout == "channels_last" else torch.contiguous_format
        model.eval().to(device).to(memory_format=memory_format)
        net = _net_of(model, runtime, device, exported)
        autocast = _AUTOCAST.get(runtime.precision)
        overwrites = device.type == "cuda" and (bool(runtime.cuda_graphs) or isinstance(runtime.compile, str))
        return cls(model, net, device, memory_format, autocast, runtime.precision, overwrites)

    @property
    def exported(self) -> ExportedNet | None:
        """The exported model that an engine runs; None where torch runs the model."""
        return self.net if isinstance(self.net, ExportedNet) else None

    def place(self, images: Shaped[Tensor, "b 3 h w"]) -> Shaped[Tensor, "b 3 h w"]:
        """The batch on the device, in the layout."""
        return images.to(device=self.device, memory_format=self.memory_format, non_blocking=True)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """Raw outputs, converted to fp32 from any precision."""
        with torch.inference_mode():
            with self._casting():
                outputs = self.net(images)
            return tree_map_only(Tensor, _kept if self.overwrites else _widen, outputs)

    def __call__(self, images: Float[Tensor, "b 3 h w"]) -> Sequence[Prediction]:
        """Predictions, in pixels of the prepared input."""
        return self.decode(self.forward(images))

    def decode(self, outputs: Any) -> Sequence[Prediction]:
        """Predictions from raw outputs."""
        with torch.inference_mode():
            return self.model.decode(outputs)

    def _casting(self) -> AbstractContextManager[None]:
        if self.autocast is None:
            return nullcontext()
        # A graph reads the weights as they were cast while it was recorded: no cache may drop those.
        return torch.autocast(self.device.type, dtype=self.autocast, cache_enabled=not self.overwrites)


def _net_of(model: nn.Module, runtime: Runtime, device: torch.device, exported: bytes | None) -> Any:
    """The form of the model that is called."""
    members: Any = model
    if runtime.engine is not None:
        if device.type != "cpu":
            raise CellError(f"runtime.engine {runtime.engine} runs on the CPU here: set runtime.device: cpu.")
        return ExportedNet(members, runtime.engine, exported)
    net: Any = model
    if runtime.compile:
        mode = None if runtime.compile is True else runtime.compile
        # images of many sizes, or of one
        dynamic = None if members.preprocessing.resize == "scale" else False
        net = torch.compile(model, fullgraph=True, dynamic=dynamic, mode=mode)
    if runtime.cuda_graphs:
        if device.type != "cuda":
            raise CellError("runtime.cuda_graphs needs a GPU, and this runs on the CPU: leave it out.")
        net = Graphed(net)
    return net


def _widen(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def _kept(tensor: Tensor) -> Tensor:
    """A copy that the next call leaves alone."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor.clone()


POOL = 8
"""Number of batches that timing cycles through, so that no input stays in the caches."""


def input_pool(inference: Inference, data: Dataset, *, batch: int) -> list[Float[Tensor, "b 3 h w"]]:
    """Up to `POOL` prepared batches of real images on the device, in the runtime's layout.

    Images of a small dataset are repeated until the batches are full.
    """
    wanted = POOL * batch
    images: list[Tensor] = []
    preprocessing = inference.model.preprocessing.of_one_size()
    for loaded in batches(data, preprocessing, batch=batch, undecodable="skip"):
        images += list(loaded.images)
        if len(images) >= wanted:
            break
    images = list(itertools.islice(itertools.cycle(images), wanted))
    stacks = [torch.stack(images[at : at + batch]) for at in range(0, wanted, batch)]
    return [normalize(inference.place(stack), preprocessing) for stack in stacks]
