"""What the two paths are built of: pairs of convolutions, and steps up."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

Upsampling: TypeAlias = Literal["transposed", "bilinear"]


class PlainPair(nn.Sequential):
    """Two valid 3 x 3 convolutions, each rectified: the paper's."""

    def __init__(self, incoming: int, between: int, outgoing: int) -> None:
        super().__init__(
            nn.Conv2d(incoming, between, 3),
            nn.ReLU(inplace=True),
            nn.Conv2d(between, outgoing, 3),
            nn.ReLU(inplace=True),
        )


class PaddedPair(nn.Sequential):
    """Two padded 3 x 3 convolutions, each normalised and rectified."""

    def __init__(self, incoming: int, between: int, outgoing: int) -> None:
        super().__init__(
            nn.Conv2d(incoming, between, 3, padding=1, bias=False),
            nn.BatchNorm2d(between),
            nn.ReLU(inplace=True),
            nn.Conv2d(between, outgoing, 3, padding=1, bias=False),
            nn.BatchNorm2d(outgoing),
            nn.ReLU(inplace=True),
        )


Pair: TypeAlias = type[PlainPair | PaddedPair]


class Rise(nn.Module):
    """One step of the expanding path: double the resolution, join the cross connection, convolve.

    `transposed` halves the channels on the way up, as the paper does. `bilinear` keeps them, so what
    comes up must have as many as the cross connection.
    """

    def __init__(
        self, pair: Pair, incoming: int, across: int, outgoing: int, *, upsampling: Upsampling
    ) -> None:
        super().__init__()
        if upsampling == "transposed":
            self.up: nn.Module = nn.ConvTranspose2d(incoming, across, 2, stride=2)
        else:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.pair = pair(2 * across, across, outgoing)

    def forward(
        self, x: Float[Tensor, "b c h w"], across: Float[Tensor, "b d i j"]
    ) -> Float[Tensor, "b e k l"]:
        """The map at twice the resolution; `across` is cropped around its centre to fit."""
        x = self.up(x)
        y: Tensor = self.pair(torch.cat([centre(across, x.shape[-2], x.shape[-1]), x], dim=1))
        return y


def centre(x: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c k l"]:
    """The `height` x `width` in the middle of a map."""
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]
