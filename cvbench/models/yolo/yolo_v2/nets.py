"""The networks: backbone, three more layers with a passthrough, and the detection layer.

Modules are in the order of darknet's configuration files, which is the order of its weight files.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.building import widened
from cvbench.models.darknet import ConvNormLeaky, Darknet19Trunk
from cvbench.models.yolo.grid import DetectionLayer

Order: TypeAlias = Literal["darknet", "paper"]
"""Order of the values in a map of half the resolution and four times the channels."""


class Reorganize(nn.Module):
    """Half the resolution, four times the channels, all values kept."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        """`paper`: the four neighbors of each channel one after the other, row by row.

        `darknet`: the result of its `reorg` layer, which reads the map as if it had a quarter of the
        channels and twice the width and height.
        """
        b, c, h, w = x.shape
        if self.order == "paper":
            return F.pixel_unshuffle(x, 2)
        parts = x.reshape(b, c // 4, h, 2, w, 2)
        return parts.permute(0, 3, 5, 1, 2, 4).reshape(b, 4 * c, h // 2, w // 2)


class PassthroughNet(nn.Module):
    """Darknet-19, two convolutions and a parallel passthrough, one more convolution, the detection layer."""

    strides = (32,)

    def __init__(self, *, priors: int, classes: int, width: float, squeeze: int | None, reorg: Order) -> None:
        """`squeeze` is the number of channels that the passthrough is reduced to; None keeps all 512."""
        super().__init__()
        c512, c1024 = widened(512, width), widened(1024, width)
        self.trunk = Darknet19Trunk(width=width)
        self.deepen = nn.Sequential(ConvNormLeaky(c1024, c1024, 3), ConvNormLeaky(c1024, c1024, 3))
        passed = c512 if squeeze is None else widened(squeeze, width)
        self.squeeze = nn.Identity() if squeeze is None else ConvNormLeaky(c512, passed, 1)
        self.reorganize = Reorganize(reorg)
        self.join = ConvNormLeaky(4 * passed + c1024, c1024, 3)
        self.out = DetectionLayer(c1024, priors=priors, classes=classes)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b o i j"]]:
        """The raw map of the detection layer, at stride 32."""
        fine, coarse = self.trunk(images)  # b 512 26 26, b 1024 13 13 at 416 pixels and width 1
        passed = self.reorganize(self.squeeze(fine))  # b 256 13 13, or 2048
        joined = torch.cat([passed, self.deepen(coarse)], dim=1)  # b 1280 13 13, or 3072
        return (self.out(self.join(joined)),)


class PlainNet(nn.Module):
    """Darknet-19 directly followed by a detection layer: the network of the released YOLO9000."""

    strides = (32,)

    def __init__(self, *, priors: int, classes: int, width: float) -> None:
        super().__init__()
        self.trunk = Darknet19Trunk(width=width)
        self.out = DetectionLayer(widened(1024, width), priors=priors, classes=classes)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b o i j"]]:
        """The raw map of the detection layer, at stride 32."""
        return (self.out(self.trunk(images).coarse),)
