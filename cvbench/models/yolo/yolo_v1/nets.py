"""Networks from an image to one output vector: Fig. 3 of the paper, and the two released networks.

Modules are in the order of darknet's configuration files, which is the order of its weight files.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.building import widened
from cvbench.models.darknet import ConvNormLeaky

STRIDE = 64
"""Stride of the last map."""


class ConvLeaky(nn.Sequential):
    """Convolution with a bias, and leaky ReLU: the paper's layer."""

    def __init__(self, incoming: int, outgoing: int, kernel: int, *, stride: int = 1) -> None:
        convolution = nn.Conv2d(incoming, outgoing, kernel, stride=stride, padding=kernel // 2)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        assert convolution.bias is not None
        nn.init.zeros_(convolution.bias)
        super().__init__(convolution, nn.LeakyReLU(0.1, inplace=True))


class Local(nn.Module):
    """A locally connected layer: a 3 x 3 convolution with separate kernels at every position."""

    def __init__(self, incoming: int, outgoing: int, *, side: int) -> None:
        super().__init__()
        self.side = side
        places = side * side
        self.weight = nn.Parameter(torch.empty(places, outgoing, 9 * incoming))
        self.bias = nn.Parameter(torch.zeros(outgoing * places))
        nn.init.normal_(self.weight, std=math.sqrt(2 / (9 * incoming)))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """The map at the same resolution."""
        patches = F.unfold(x, 3, padding=1)  # b 9c places
        y = torch.einsum("bkp,pok->bop", patches, self.weight).flatten(1) + self.bias
        return y.reshape(len(x), -1, self.side, self.side)


class Extraction(nn.Sequential):
    """The 24 convolutions."""

    def __init__(self, *, width: float, norm: bool) -> None:
        layer = ConvNormLeaky if norm else ConvLeaky
        c64, c128, c256, c512, c1024 = (widened(2**k, width) for k in range(6, 11))
        c192 = widened(192, width)
        narrowing = [layer(c512, c256, 1), layer(c256, c512, 3)]
        for _ in range(3):
            narrowing += [layer(c512, c256, 1), layer(c256, c512, 3)]
        super().__init__(  # shapes at 448 pixels and width 1
            layer(3, c64, 7, stride=2),  # 64 224 224
            nn.MaxPool2d(2),
            layer(c64, c192, 3),  # 192 112 112
            nn.MaxPool2d(2),
            layer(c192, c128, 1),
            layer(c128, c256, 3),
            layer(c256, c256, 1),
            layer(c256, c512, 3),  # 512 56 56
            nn.MaxPool2d(2),
            *narrowing,
            layer(c512, c512, 1),
            layer(c512, c1024, 3),  # 1024 28 28
            nn.MaxPool2d(2),
            layer(c1024, c512, 1),
            layer(c512, c1024, 3),
            layer(c1024, c512, 1),
            layer(c512, c1024, 3),
            layer(c1024, c1024, 3),  # 1024 14 14
            layer(c1024, c1024, 3, stride=2),
            layer(c1024, c1024, 3),
            layer(c1024, c1024, 3),  # 1024 7 7
        )


def paper_net(*, outputs: int, side: int, width: float, norm: bool, dropout: float) -> nn.Sequential:
    """The paper's network: a hidden layer of 4,096 after the convolutions; `side` is that of their map."""
    channels, hidden = widened(1024, width), widened(4096, width)
    return nn.Sequential(
        Extraction(width=width, norm=norm),
        nn.Flatten(),
        nn.Linear(channels * side * side, hidden),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Dropout(dropout),
        _output_layer(hidden, outputs),
    )


def darknet_net(*, outputs: int, side: int, width: float, dropout: float) -> nn.Sequential:
    """The network of yolov1.cfg."""
    channels, local = widened(1024, width), widened(256, width)
    return nn.Sequential(
        Extraction(width=width, norm=True),
        Local(channels, local, side=side),  # 256 7 7
        nn.LeakyReLU(0.1, inplace=True),
        nn.Flatten(),
        nn.Dropout(dropout),
        _output_layer(local * side * side, outputs),
    )


def tiny_net(*, outputs: int, side: int, width: float) -> nn.Sequential:
    """The network of yolov1-tiny.cfg."""
    channels = [3, *(widened(2**k, width) for k in range(4, 11)), widened(256, width)]
    parts: list[nn.Module] = []
    for number, (incoming, outgoing) in enumerate(pairwise(channels)):
        parts.append(ConvNormLeaky(incoming, outgoing, 3))
        if number < 6:
            parts.append(nn.MaxPool2d(2))  # 512 7 7 after the last one
    return nn.Sequential(*parts, nn.Flatten(), _output_layer(channels[-1] * side * side, outputs))


def _output_layer(incoming: int, outputs: int) -> nn.Linear:
    """Linear, initialized near 0: no class and no object anywhere."""
    layer = nn.Linear(incoming, outputs)
    nn.init.normal_(layer.weight, std=0.01 / math.sqrt(max(1, incoming / 1024)))
    nn.init.zeros_(layer.bias)
    return layer
