"""A model as it is scored and timed: one precision, one layout, one device for both.

That the accuracy and the speed in a record belong together is made sure of here: evaluation and
timing call the same object.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from cvbench.errors import CellError
from cvbench.protocols import Model
from cvbench.spec import Precision, Runtime
from cvbench.values import Prediction

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def device_of(name: str) -> torch.device:
    """The torch device that a suite's word stands for; raises CellError where it is not there."""
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
    net: nn.Module
    """The model itself, or its compiled form."""
    device: torch.device
    memory_format: torch.memory_format
    autocast: torch.dtype | None
    precision: Precision = "fp32"

    @classmethod
    def of(cls, model: Model, runtime: Runtime, device: torch.device) -> Inference:
        """`model` on its device, in evaluation mode, in the runtime's layout and precision."""
        if not isinstance(model, nn.Module):
            raise CellError(f"{type(model).__name__} is no torch.nn.Module, so it cannot be run here.")
        memory_format = torch.channels_last if runtime.layout == "channels_last" else torch.contiguous_format
        model.eval().to(device).to(memory_format=memory_format)
        dynamic = None if model.preprocessing.resize == "scale" else False  # images of many sizes, or of one
        net: Any = torch.compile(model, fullgraph=True, dynamic=dynamic) if runtime.compile else model
        return cls(model, net, device, memory_format, _AUTOCAST.get(runtime.precision), runtime.precision)

    def place(self, images: Shaped[Tensor, "b 3 h w"]) -> Shaped[Tensor, "b 3 h w"]:
        """The batch on the device, in the layout."""
        return images.to(device=self.device, memory_format=self.memory_format, non_blocking=True)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Any:
        """Raw outputs, in fp32 whatever the net computes in."""
        with torch.inference_mode():
            with self._casting():
                outputs = self.net(images)
            return tree_map_only(Tensor, _widen, outputs)

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
        return torch.autocast(self.device.type, dtype=self.autocast)


def _widen(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
