"""U-Net, as published and in the padded form that most people mean by the name.

U-Net: Convolutional Networks for Biomedical Image Segmentation. Ronneberger, Fischer, Brox, 2015.
https://arxiv.org/abs/1505.04597

`unet_original` reproduces the net of figure 1. The figure's input of 572 pixels gives 388 labelled
ones: each valid convolution costs a border of one pixel, in all 92 on each side. Its `size` is that of
the labelled output; the forward pass mirrors the missing border, as the overlap-tile strategy of
figure 2 does at the rim of an image.

Differences from the paper:
- Both: colour images; the loss weighs every pixel alike, without the map that favours narrow gaps
  between cells; no elastic deformations; 2 x 2 transposed convolutions start from N(0, 1/incoming),
  for no rectifier follows them.
- `unet_original`: an image is one tile. The paper gives no rate for the dropout at the end of the
  contracting path; here it is 0.5, on the lowest feature map.
- `unet`: padded convolutions, so that the output has the input's size and nothing is cropped; batch
  normalisation after each 3 x 3 convolution, which then has no bias; no dropout. The option `dice` adds
  the Dice loss to the cross entropy.

Weights: none come along.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from cvbench.models.options import check_size, check_width, refusal, widened
from cvbench.values import VOID, LabelMap, Preprocessing

_CHANNELS = (64, 128, 256, 512, 1024)
_BORDER = 92
"""What the valid convolutions of `unet_original` cost on each side: half of 572 - 388."""


class PlainPair(nn.Sequential):
    """Two valid 3 x 3 convolutions, each rectified: the paper's."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__(
            nn.Conv2d(incoming, outgoing, 3),
            nn.ReLU(inplace=True),
            nn.Conv2d(outgoing, outgoing, 3),
            nn.ReLU(inplace=True),
        )


class PaddedPair(nn.Sequential):
    """Two padded 3 x 3 convolutions, each normalised and rectified."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__(
            nn.Conv2d(incoming, outgoing, 3, padding=1, bias=False),
            nn.BatchNorm2d(outgoing),
            nn.ReLU(inplace=True),
            nn.Conv2d(outgoing, outgoing, 3, padding=1, bias=False),
            nn.BatchNorm2d(outgoing),
            nn.ReLU(inplace=True),
        )


class Rise(nn.Module):
    """One step of the expanding path: double the resolution, join the cross connection, convolve."""

    def __init__(self, pair: type[PlainPair | PaddedPair], incoming: int, outgoing: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(incoming, outgoing, 2, stride=2)
        self.pair = pair(2 * outgoing, outgoing)

    def forward(
        self, x: Float[Tensor, "b c h w"], across: Float[Tensor, "b d i j"]
    ) -> Float[Tensor, "b d k l"]:
        """The map at twice the resolution; `across` is cropped around its centre to fit."""
        x = self.up(x)
        y: Tensor = self.pair(torch.cat([_centre(across, x.shape[-2], x.shape[-1]), x], dim=1))
        return y


class UNet(nn.Module):
    """Five levels down, four up, and a cross connection at each."""

    def __init__(
        self,
        pair: type[PlainPair | PaddedPair],
        *,
        classes: int,
        size: int,
        width: float,
        border: int,
        dropout: float,
        dice: bool = False,
    ) -> None:
        super().__init__()
        # Images of any kind come close to zero mean and unit variance; no published weights ask for more.
        self.preprocessing = Preprocessing(size=(size, size), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
        self.border = border
        self.dice = dice
        c1, c2, c3, c4, c5 = (widened(channels, width) for channels in _CHANNELS)
        self.down1 = pair(3, c1)
        self.down2 = pair(c1, c2)
        self.down3 = pair(c2, c3)
        self.down4 = pair(c3, c4)
        self.bottom = pair(c4, c5)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.up4 = Rise(pair, c5, c4)
        self.up3 = Rise(pair, c4, c3)
        self.up2 = Rise(pair, c3, c2)
        self.up1 = Rise(pair, c2, c1)
        self.out = nn.Conv2d(c1, classes, 1)
        _initialise(self)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes h w"]:
        """A logit for each class and pixel."""
        return self.tile(_mirrored(images, self.border))

    def tile(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes k l"]:
        """Logits of what is left of a tile once its border is spent: figure 1 at width 1."""
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
        """Cross entropy of each pixel's softmax, as the mean over all pixels of the batch but `VOID`.

        With `dice`, the Dice loss is a second term. Nothing but `VOID` gives 0.
        """
        labels = torch.stack([truth.labels for truth in truths]).to(outputs.device, torch.int64)
        total = F.cross_entropy(outputs.float(), labels, ignore_index=VOID, reduction="sum")
        terms = {"cross_entropy": total / (labels != VOID).sum().clamp(min=1)}
        if self.dice:
            terms["dice"] = dice_loss(outputs.float(), labels)
        return terms

    def decode(self, outputs: Float[Tensor, "b classes h w"]) -> list[LabelMap]:
        """Each pixel's class with the highest logit."""
        # On a CPU the maximum is five times faster where a pixel's logits lie side by side, copy included.
        beside = outputs.contiguous(memory_format=torch.channels_last)
        return [LabelMap(labels) for labels in beside.argmax(dim=1).to(torch.uint8).unbind()]


def dice_loss(logits: Float[Tensor, "b classes h w"], labels: Int64[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """1 - Dice of the softmax, as the mean over the classes that occur in the batch's labels.

    Dice of a class is twice the probability on its own pixels over the sum of the probability on all
    counted pixels and the number of its own; `VOID` pixels count nowhere. Small classes weigh as much
    as large ones, so a net learns them sooner than from the cross entropy alone.

    Source: V-Net (Milletari, Navab, Ahmadi 2016, section 3), without its squares in the denominator.
    """
    counted = labels != VOID
    named = labels.where(counted, 0)
    likely = logits.softmax(dim=1) * counted[:, None]
    # Each pixel's probability of its own class, summed by class: no map of classes x pixels is built.
    own = likely.gather(1, named[:, None]).flatten()
    none = own.new_zeros(logits.shape[1])
    overlap = none.index_add(0, named.flatten(), own)
    pixels = none.index_add(0, named.flatten(), counted.flatten().to(own.dtype))
    occurs = pixels > 0
    dice = 2 * overlap / (likely.sum(dim=(0, 2, 3)) + pixels.clamp(min=1))
    return ((1 - dice) * occurs).sum() / occurs.sum().clamp(min=1)


def _mirrored(images: Float[Tensor, "b 3 h w"], border: int) -> Float[Tensor, "b 3 k l"]:
    """The images with `border` pixels mirrored on at each side; the outermost ones are not repeated."""
    if border == 0:
        return images
    return F.pad(images, (border, border, border, border), mode="reflect")


def _centre(x: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c k l"]:
    """The `height` x `width` in the middle of a map."""
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]


def _initialise(net: UNet) -> None:
    """From N(0, 2/incoming), the paper's section 3, so that each feature map has unit variance."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.ConvTranspose2d):
            # Kernel and stride agree, so each output has one incoming value a channel.
            nn.init.normal_(module.weight, std=module.in_channels**-0.5)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            nn.init.zeros_(module.bias)


def unet(classes: int, *, size: int = 512, width: float = 1.0, dice: bool = False) -> UNet:
    """The padded U-Net with batch normalisation; `classes` counts the background."""
    check_size("unet", size, least=16, multiple=16)
    check_width("unet", width)
    _check_classes("unet", classes)
    return UNet(PaddedPair, classes=classes, size=size, width=width, border=0, dropout=0.0, dice=dice)


def unet_original(classes: int, *, size: int = 388, width: float = 1.0) -> UNet:
    """The published U-Net; `size` is that of the labelled output, `classes` counts the background."""
    # Four poolings of what the valid convolutions leave divide evenly only for 16 b + 4 labelled
    # pixels, and a border of 92 can be mirrored only from an image of more than 92.
    if size < 100 or size % 16 != 4:
        raise refusal("unet_original", "size", size, wanted="100, 116, 132 … 388, 404 …: 16 b + 4")
    check_width("unet_original", width)
    _check_classes("unet_original", classes)
    return UNet(PlainPair, classes=classes, size=size, width=width, border=_BORDER, dropout=0.5)


def _check_classes(model: str, classes: int) -> None:
    if classes > VOID:
        raise refusal(model, "classes", classes, wanted=f"{VOID} or fewer: a label map has 8 bits a pixel")
