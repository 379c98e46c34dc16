"""The convolutional part: from an image to one raw map a detection layer.

Modules stand in the order of darknet's configuration files, which is the order of its weight files.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.darknet import ConvNormLeaky, Darknet53Trunk
from cvbench.models.options import widened
from cvbench.models.yolo.yolo_layer import DetectionLayer


class StrideOnePool(nn.Module):
    """2 x 2 maximum with stride 1; right and bottom edges are padded, so the size stays."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The maximum of each value and its neighbours to the right and below."""
        return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-math.inf), 2, stride=1)


class TinyDarknet(nn.Module):
    """The backbone of yolov3-tiny and its two detection layers."""

    strides = (32, 16)

    def __init__(self, *, classes: int, width: float) -> None:
        super().__init__()
        c16, c32, c64, c128, c256, c512, c1024 = (widened(2**k, width) for k in range(4, 11))
        self.fine = nn.Sequential(  # shapes at 416 pixels and width 1
            ConvNormLeaky(3, c16, 3),
            nn.MaxPool2d(2),  # 16 208 208
            ConvNormLeaky(c16, c32, 3),
            nn.MaxPool2d(2),  # 32 104 104
            ConvNormLeaky(c32, c64, 3),
            nn.MaxPool2d(2),  # 64 52 52
            ConvNormLeaky(c64, c128, 3),
            nn.MaxPool2d(2),  # 128 26 26
            ConvNormLeaky(c128, c256, 3),  # 256 26 26
        )
        self.coarse = nn.Sequential(
            nn.MaxPool2d(2),  # 256 13 13
            ConvNormLeaky(c256, c512, 3),
            StrideOnePool(),  # 512 13 13
            ConvNormLeaky(c512, c1024, 3),  # 1024 13 13
            ConvNormLeaky(c1024, c256, 1),  # 256 13 13
        )
        self.coarse_head = nn.Sequential(
            ConvNormLeaky(c256, c512, 3),  # 512 13 13
            DetectionLayer(c512, priors=3, classes=classes),
        )
        self.lateral = nn.Sequential(
            ConvNormLeaky(c256, c128, 1),
            nn.Upsample(scale_factor=2),  # 128 26 26
        )
        self.fine_head = nn.Sequential(
            ConvNormLeaky(c128 + c256, c256, 3),  # 256 26 26
            DetectionLayer(c256, priors=3, classes=classes),
        )

    def forward(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b o i j"], Float[Tensor, "b o k l"]]:
        """The raw maps of the layers of stride 32 and 16."""
        fine = self.fine(images)  # b 256 26 26
        coarse = self.coarse(fine)  # b 256 13 13
        joined = torch.cat([self.lateral(coarse), fine], dim=1)  # b 384 26 26
        return self.coarse_head(coarse), self.fine_head(joined)


class Darknet53(nn.Module):
    """The paper's net: table 1 without its last layer, and three detection layers."""

    strides = (32, 16, 8)

    def __init__(self, *, classes: int, width: float) -> None:
        super().__init__()
        c128, c256, c512, c1024 = (widened(2**k, width) for k in range(7, 11))
        self.trunk = Darknet53Trunk(width=width)  # shapes at 416 pixels and width 1
        self.neck_coarse = _neck(c1024, c512, c1024)  # 512 13 13
        self.coarse_head = _head(c512, c1024, classes)
        self.lateral_middle = nn.Sequential(ConvNormLeaky(c512, c256, 1), nn.Upsample(scale_factor=2))
        self.neck_middle = _neck(c256 + c512, c256, c512)  # 256 26 26
        self.middle_head = _head(c256, c512, classes)
        self.lateral_fine = nn.Sequential(ConvNormLeaky(c256, c128, 1), nn.Upsample(scale_factor=2))
        self.neck_fine = _neck(c128 + c256, c128, c256)  # 128 52 52
        self.fine_head = _head(c128, c256, classes)

    def forward(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b o i j"], Float[Tensor, "b o k l"], Float[Tensor, "b o m n"]]:
        """The raw maps of the layers of stride 32, 16 and 8."""
        fine, middle, coarse = self.trunk(images)  # b 256 52 52, b 512 26 26, b 1024 13 13
        coarse = self.neck_coarse(coarse)  # b 512 13 13
        joined = torch.cat([self.lateral_middle(coarse), middle], dim=1)  # b 768 26 26
        inner = self.neck_middle(joined)  # b 256 26 26
        joined = torch.cat([self.lateral_fine(inner), fine], dim=1)  # b 384 52 52
        return self.coarse_head(coarse), self.middle_head(inner), self.fine_head(self.neck_fine(joined))


def _neck(incoming: int, narrow: int, wide: int) -> nn.Sequential:
    """Five convolutions, 1 x 1 and 3 x 3 in turn."""
    return nn.Sequential(
        ConvNormLeaky(incoming, narrow, 1),
        ConvNormLeaky(narrow, wide, 3),
        ConvNormLeaky(wide, narrow, 1),
        ConvNormLeaky(narrow, wide, 3),
        ConvNormLeaky(wide, narrow, 1),
    )


def _head(incoming: int, wide: int, classes: int) -> nn.Sequential:
    return nn.Sequential(ConvNormLeaky(incoming, wide, 3), DetectionLayer(wide, priors=3, classes=classes))
