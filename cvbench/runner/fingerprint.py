"""What was scored and timed: the model's identity, to the bit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Literal

import torch
from torch import nn

from cvbench.interfaces import Model, module_of
from cvbench.record import Artifact


def artifact_of(
    model: Model,
    source: Literal["trained", "reused", "loaded", "untrained"],
    macs: int | None,
    labels: Mapping[str, int] | None = None,
    *,
    exported: str | None = None,
) -> Artifact:
    """The artifact as a record describes it."""
    net = module_of(model)
    preprocessing = model.preprocessing
    return Artifact(
        sha256=fingerprint(net),
        source=source,
        parameters=sum(p.numel() for p in net.parameters() if p.requires_grad),
        macs=macs,
        input=(3, *preprocessing.size),
        preprocessing=asdict(preprocessing),
        labels=labels,
        exported=exported,
    )


def fingerprint(model: nn.Module) -> str:
    """The SHA-256 of names, types, shapes and bytes of all parameters and buffers, in order."""
    total = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        values = tensor.detach().cpu().contiguous()
        total.update(f"{name}\0{values.dtype}\0{tuple(values.shape)}\0".encode())
        total.update(values.flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
