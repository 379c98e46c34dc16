"""In which numbers a net computes while it is trained; its weights stay in fp32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from cvbench.spec.cell import Precision

_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def casting(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Autocast to bf16 or fp16 for as long as it is entered; nothing for fp32 and tf32."""
    dtype = _HALF.get(precision)
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)


def widened(outputs: Any) -> Any:
    """The same outputs with half-precision tensors in fp32: losses are computed in fp32.

    A box coordinate in bf16 has eight bits, so it could not tell neighbouring pixels apart.
    """
    return tree_map_only(Tensor, _widened, outputs)


@contextmanager
def arithmetic(precision: Precision) -> Iterator[None]:
    """Process-wide switches while a training lasts: TF32 only where asked for, cuDNN free to measure."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark
    matmul.allow_tf32 = cudnn.allow_tf32 = precision == "tf32"
    cudnn.benchmark = True
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark = before


def _widened(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in _HALF.values() else tensor
