"""A small model with a planted slowdown, which a duet has to detect."""

from __future__ import annotations

import time

from torch import nn

from cvbench.models.building import build_model
from cvbench.spec.cell import ModelSpec


class Slowed(nn.Module):
    """A ResNet-18 of a quarter of the width that spins after each pass for a share of the pass's time."""

    def __init__(self, classes, *, extra):
        super().__init__()
        self.inner = build_model(ModelSpec(name="resnet18", options={"size": 32, "width": 0.25}), classes)
        self.preprocessing, self.extra = self.inner.preprocessing, extra

    def forward(self, images):
        start = time.perf_counter()
        outputs = self.inner(images)
        until = time.perf_counter() + self.extra * (time.perf_counter() - start)
        while time.perf_counter() < until:
            pass
        return outputs

    def loss(self, outputs, truths):
        return self.inner.loss(outputs, truths)

    def decode(self, outputs):
        return self.inner.decode(outputs)


def slowed(classes, *, extra=0.0):
    return Slowed(classes, extra=extra)
