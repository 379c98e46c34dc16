"""The network: four levels down, four up, and a skip connection at each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.building import widened
from cvbench.models.segmentation import best_labels, pixel_loss
from cvbench.models.unet.losses import dice_loss, gap_weights
from cvbench.values import LabelMap, Preprocessing


def mirrored(images: Float[Tensor, "b c h w"], border: int) -> Float[Tensor, "b c k l"]:
    """Pads the images by `border` mirrored pixels on each side, without repeating the edge pixels."""
    return F.pad(images, (border, border, border, border), mode="reflect")


def label_in_tiles(
    label: Callable[[Tensor], Tensor],
    x: Float[Tensor, "b c h w"],
    *,
    side: int,
    border: int,
) -> Float[Tensor, "b classes k l"]:
    """The result of `label` on the whole of `x`, computed tile by tile to save memory.

    `label` maps a tile of `side` plus `border` on each side to its inner `side` pixels; `x` already has its
    border. Tiles start at multiples of 16 pixels, where the poolings of the whole image also start, so the
    result equals that of the whole image; this requires that `side` and the inner size of `x` are 16 k + 4.
    """
    seen = side + 2 * border
    rows = []
    for top, above in _starts(x.shape[-2] - 2 * border, side):
        row = [
            label(x[..., top : top + seen, left : left + seen])[..., above:, before:]
            for left, before in _starts(x.shape[-1] - 2 * border, side)
        ]
        rows.append(torch.cat(row, dim=-1))
    return torch.cat(rows, dim=-2)


def _starts(length: int, side: int) -> list[tuple[int, int]]:
    """Start of each tile along one axis, and how many of its first pixels are already labeled.

    >>> _starts(100, 36)
    [(0, 0), (32, 4), (64, 4)]
    >>> _starts(84, 36)
    [(0, 0), (32, 4), (48, 20)]
    """
    starts = [*range(0, length - side, side - 4), length - side]
    ends = [0, *(start + side for start in starts)]
    return [(start, end - start) for start, end in zip(starts, ends[:-1], strict=True)]


Upsampling: TypeAlias = Literal["transposed", "bilinear"]


class PlainPair(nn.Sequential):
    """Two valid 3 x 3 convolutions, each with a ReLU: the paper's version."""

    def __init__(self, incoming: int, between: int, outgoing: int) -> None:
        super().__init__(
            nn.Conv2d(incoming, between, 3),
            nn.ReLU(inplace=True),
            nn.Conv2d(between, outgoing, 3),
            nn.ReLU(inplace=True),
        )


class PaddedPair(nn.Sequential):
    """Two padded 3 x 3 convolutions, each with batch normalization and a ReLU."""

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
    """One step of the expanding path: double the resolution, concatenate the skip connection, convolve.

    `transposed` halves the channels while upsampling, as in the paper. `bilinear` keeps them, so its input
    must have as many channels as the skip connection.
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
        """The map at twice the resolution; `across`, the skip connection, is center-cropped to fit."""
        x = self.up(x)
        y: Tensor = self.pair(torch.cat([center_crop(across, x.shape[-2], x.shape[-1]), x], dim=1))
        return y


def center_crop(x: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c k l"]:
    """The `height` x `width` pixels in the middle of a map."""
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]


_CHANNELS = (64, 128, 256, 512, 1024)


class LossTerms(NamedTuple):
    """Loss terms in addition to the cross entropy, and its weights."""

    dice: bool = False
    boundary: float = 0.0
    """w_0: the additional weight of a pixel in the narrowest gap between two cells."""


class Tiles(NamedTuple):
    """How the border that valid convolutions remove is added, and the size of tiles."""

    border: int
    """Pixels that are removed on each side and added by mirroring."""
    side: int | None
    """Labeled pixels along a side of a tile; None for no tiles."""


class UNet(nn.Module):
    """U-Net: four levels down, four up, and a skip connection at each."""

    def __init__(
        self,
        pair: Pair,
        *,
        classes: int,
        size: int,
        width: float,
        upsampling: Upsampling = "transposed",
        tiles: Tiles | None = None,
        dropout: float = 0.0,
        loss: LossTerms,
    ) -> None:
        super().__init__()
        # Roughly zero mean and unit variance for any images; no published weights need other values.
        self.preprocessing = Preprocessing(size=(size, size), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
        self.tiles = tiles
        self.terms = loss
        c1, c2, c3, c4, c5 = (widened(channels, width) for channels in _CHANNELS)
        if upsampling == "bilinear":  # keeps the channels, which must match the skip connection's
            d5, d4, d3, d2 = c4, c3, c2, c1
        else:
            d5, d4, d3, d2 = c5, c4, c3, c2
        self.down1 = pair(3, c1, c1)
        self.down2 = pair(c1, c2, c2)
        self.down3 = pair(c2, c3, c3)
        self.down4 = pair(c3, c4, c4)
        self.bottom = pair(c4, d5, d5)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.up4 = Rise(pair, d5, c4, d4, upsampling=upsampling)
        self.up3 = Rise(pair, d4, c3, d3, upsampling=upsampling)
        self.up2 = Rise(pair, d3, c2, d2, upsampling=upsampling)
        self.up1 = Rise(pair, d2, c1, c1, upsampling=upsampling)
        self.out = nn.Conv2d(c1, classes, 1)
        _initialize(self)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes h w"]:
        """A logit for each class and pixel."""
        if self.tiles is None:
            return self.tile(images)
        border, side = self.tiles
        seen = mirrored(images, border)
        if side is None or self.training:
            return self.tile(seen)
        return label_in_tiles(self.tile, seen, side=side, border=border)

    def tile(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes k l"]:
        """Logits of a tile without its border. Shapes in comments: Fig. 1, width 1."""
        x1 = self.down1(x)  # b 64 568 568
        x2 = self.down2(self.pool(x1))  # b 128 280 280
        x3 = self.down3(self.pool(x2))  # b 256 136 136
        x4 = self.down4(self.pool(x3))  # b 512 64 64
        x5 = self.bottom(self.pool(x4))  # b 1024 28 28
        x = self.up4(self.dropout(x5), x4)  # b 512 52 52
        x = self.up3(x, x3)  # b 256 100 100
        x = self.up2(x, x2)  # b 128 196 196
        x = self.up1(x, x1)  # b 64 388 388
        logits: Tensor = self.out(x)
        return logits

    def loss(self, outputs: Float[Tensor, "b classes h w"], truths: Sequence[LabelMap]) -> dict[str, Tensor]:
        """Cross entropy per pixel, weighted if the network was built so, and optionally the Dice loss."""
        maps = torch.stack([truth.labels for truth in truths])
        labels = maps.to(outputs.device, torch.int64)
        weights = None
        if self.terms.boundary > 0:
            weights = 1 + self.terms.boundary * gap_weights(maps).to(outputs.device)
        terms = {"cross_entropy": pixel_loss(outputs.float(), labels, weights)}
        if self.terms.dice:
            terms["dice"] = dice_loss(outputs.float(), labels)
        return terms

    def decode(self, outputs: Float[Tensor, "b classes h w"]) -> list[LabelMap]:
        """The class with the highest logit at each pixel."""
        return best_labels(outputs)


def _initialize(net: UNet) -> None:
    """Weights from N(0, 2/incoming), section 3 of the paper, so that feature maps have unit variance."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.ConvTranspose2d):
            # Kernel and stride are equal, so each output has one input value per channel.
            nn.init.normal_(module.weight, std=module.in_channels**-0.5)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
