"""Darknet-19 and Darknet-53, as classifiers and as backbones of detectors.

YOLO9000: Better, Faster, Stronger. Redmon, Farhadi, 2016. https://arxiv.org/abs/1612.08242
YOLOv3: An Incremental Improvement. Redmon, Farhadi, 2018. https://arxiv.org/abs/1804.02767

Reproduces table 6 of the first paper and table 1 of the second. Modules are in the order of the authors'
configuration files, which is the order of their weight files.

Differences from the papers:
- Weights are initialized from N(0, 2/incoming), as in the authors' code; the papers do not say.
- No rotation and no crops of 128 to 448 pixels in training. Set the color augmentation in the recipe, for
  example `augment: {hue: 0.1, saturation: 1.5, exposure: 1.5}`.
- Batch norm adds 1e-5 to the variance, as darknet's CUDA code does; its CPU code adds 1e-6 to the standard
  deviation instead.
- The last layer is a 1 x 1 convolution after global average pooling. In Darknet-19 it precedes the pooling,
  and in Darknet-53's table it is fully connected: the same function, here with one product per weight.

Weights: none are bundled. The authors' weights are in the public domain. Their outputs have a different
class order; the option `ilsvrc_order` corrects it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.building import check_size, check_width, refusal, widened
from cvbench.models.classification import prepared, softmax_loss, softmax_scores
from cvbench.spec.catalogue.label_spaces import imagenet_classes
from cvbench.spec.cell import Option
from cvbench.values import ClassScores, Preprocessing

# Darknet's inputs are 0 to 1, without normalization.
_PLAIN_MEAN = (0.0, 0.0, 0.0)
_PLAIN_STD = (1.0, 1.0, 1.0)


class ConvNormLeaky(nn.Sequential):
    """Convolution, batch norm, leaky ReLU: darknet's convolutional layer."""

    def __init__(self, incoming: int, outgoing: int, kernel: int, *, stride: int = 1) -> None:
        convolution = nn.Conv2d(incoming, outgoing, kernel, stride=stride, padding=kernel // 2, bias=False)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        super().__init__(convolution, nn.BatchNorm2d(outgoing, eps=1e-5), nn.LeakyReLU(0.1, inplace=True))


class Residual(nn.Module):
    """1 x 1 to half the channels, 3 x 3 back, and a shortcut; no activation after the addition."""

    def __init__(self, channels: int, half: int) -> None:
        super().__init__()
        self.narrow = ConvNormLeaky(channels, half, 1)
        self.widen = ConvNormLeaky(half, channels, 3)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The sum of the input and the branch."""
        y: Tensor = x + self.widen(self.narrow(x))
        return y


class Maps19(NamedTuple):
    """Feature maps of Darknet-19, at strides 16 and 32."""

    fine: Float[Tensor, "b c h w"]
    coarse: Float[Tensor, "b d i j"]


class Darknet19Trunk(nn.Module):
    """18 convolutions: table 6 without its last layer."""

    def __init__(self, *, width: float) -> None:
        super().__init__()
        c32, c64, c128, c256, c512, c1024 = (widened(2**k, width) for k in range(5, 11))
        self.channels = c1024
        self.fine = nn.Sequential(  # shapes at 224 pixels and width 1
            ConvNormLeaky(3, c32, 3),
            nn.MaxPool2d(2),  # 32 112 112
            ConvNormLeaky(c32, c64, 3),
            nn.MaxPool2d(2),  # 64 56 56
            *_squeezing(c64, c128, convolutions=3),
            nn.MaxPool2d(2),  # 128 28 28
            *_squeezing(c128, c256, convolutions=3),
            nn.MaxPool2d(2),  # 256 14 14
            *_squeezing(c256, c512, convolutions=5),  # 512 14 14
        )
        self.coarse = nn.Sequential(
            nn.MaxPool2d(2),  # 512 7 7
            *_squeezing(c512, c1024, convolutions=5),  # 1024 7 7
        )

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Maps19:
        """The last maps before and after the last pooling."""
        fine = self.fine(images)
        return Maps19(fine, self.coarse(fine))


class Maps53(NamedTuple):
    """Feature maps of Darknet-53, at strides 8, 16 and 32."""

    fine: Float[Tensor, "b c h w"]
    middle: Float[Tensor, "b d i j"]
    coarse: Float[Tensor, "b e k l"]


class Darknet53Trunk(nn.Module):
    """52 convolutions: 23 residual blocks and the downsampling between them."""

    def __init__(self, *, width: float) -> None:
        super().__init__()
        c32, c64, c128, c256, c512, c1024 = (widened(2**k, width) for k in range(5, 11))
        self.channels = c1024
        self.fine = nn.Sequential(  # shapes at 256 pixels and width 1
            ConvNormLeaky(3, c32, 3),  # 32 256 256
            _descent(c32, c64, half=c32, blocks=1),  # 64 128 128
            _descent(c64, c128, half=c64, blocks=2),  # 128 64 64
            _descent(c128, c256, half=c128, blocks=8),  # 256 32 32
        )
        self.middle = _descent(c256, c512, half=c256, blocks=8)  # 512 16 16
        self.coarse = _descent(c512, c1024, half=c512, blocks=4)  # 1024 8 8

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Maps53:
        """The last maps of the three stages with the lowest resolution."""
        fine = self.fine(images)
        middle = self.middle(fine)
        return Maps53(fine, middle, self.coarse(middle))


class Darknet(nn.Module):
    """A backbone, global average pooling, one linear layer."""

    order: Tensor | None
    """Output index of each class, if the outputs are in another order than the classes."""

    def __init__(
        self,
        trunk: Darknet19Trunk | Darknet53Trunk,
        *,
        classes: int,
        preprocessing: Preprocessing,
        order: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        self.register_buffer("order", None if order is None else torch.tensor(order), persistent=False)
        self.trunk = trunk
        self.out = nn.Conv2d(trunk.channels, classes, 1)
        nn.init.kaiming_normal_(self.out.weight, nonlinearity="linear")
        self.avgpool = nn.AdaptiveAvgPool2d(1)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        """Logits."""
        averaged = self.avgpool(self.trunk(images).coarse)  # b 1024 1 1
        logits: Tensor = self.out(averaged).flatten(1)
        return logits if self.order is None else logits[:, self.order]

    def loss(self, outputs: Float[Tensor, "b classes"], truths: Sequence[ClassScores]) -> dict[str, Tensor]:
        """Cross entropy."""
        return softmax_loss(outputs, truths)

    def decode(self, outputs: Float[Tensor, "b classes"]) -> list[ClassScores]:
        """Probabilities."""
        return softmax_scores(outputs)


def _squeezing(incoming: int, outgoing: int, *, convolutions: int) -> list[ConvNormLeaky]:
    """3 x 3 convolutions to `outgoing` channels, alternating with 1 x 1 ones back to `incoming`."""
    layers = [ConvNormLeaky(incoming, outgoing, 3)]
    for _ in range(convolutions // 2):
        layers += [ConvNormLeaky(outgoing, incoming, 1), ConvNormLeaky(incoming, outgoing, 3)]
    return layers


def _descent(incoming: int, outgoing: int, *, half: int, blocks: int) -> nn.Sequential:
    """Downsampling by two, then residual blocks."""
    down = ConvNormLeaky(incoming, outgoing, 3, stride=2)
    return nn.Sequential(down, *(Residual(outgoing, half) for _ in range(blocks)))


def _order(model: str, classes: int) -> list[int]:
    """The output index of each ImageNet class in darknet's weights, matched by WordNet id."""
    known = imagenet_classes()
    if classes != len(known):
        raise refusal(model, "ilsvrc_order", True, wanted=f"false with {classes} classes; ImageNet has 1000")
    return [each.ilsvrc - 1 for each in known]


def _prepared(model: str, size: int, shorter: Option | None) -> Preprocessing:
    return prepared(model, size, shorter, mean=_PLAIN_MEAN, std=_PLAIN_STD, interpolation="darknet")


def darknet19(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    ilsvrc_order: bool = False,
) -> Darknet:
    """19 convolutions, alternating 3 x 3 and 1 x 1, and five poolings."""
    check_size("darknet19", size, least=32)  # below 32, the last pooling has no input
    check_width("darknet19", width)
    return Darknet(
        Darknet19Trunk(width=width),
        classes=classes,
        preprocessing=_prepared("darknet19", size, shorter),
        order=_order("darknet19", classes) if ilsvrc_order else None,
    )


def darknet53(
    classes: int,
    *,
    size: int = 256,
    shorter: Option | None = None,
    width: float = 1.0,
    ilsvrc_order: bool = False,
) -> Darknet:
    """53 convolutions in residual blocks; strided convolutions instead of pooling."""
    check_size("darknet53", size, least=32)  # below 32, the last stage has no input
    check_width("darknet53", width)
    return Darknet(
        Darknet53Trunk(width=width),
        classes=classes,
        preprocessing=_prepared("darknet53", size, shorter),
        order=_order("darknet53", classes) if ilsvrc_order else None,
    )
