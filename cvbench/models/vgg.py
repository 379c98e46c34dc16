"""VGG with 11, 13, 16 and 19 layers, each with and without batch normalization.

Very Deep Convolutional Networks for Large-Scale Image Recognition. Simonyan, Zisserman, 2014.
https://arxiv.org/abs/1409.1556

Reproduces columns A, B, D and E of table 1, with the same weights as torchvision's models.

Differences from the paper:
- Weights are initialized from a normal distribution scaled by fan-out, and N(0, 0.01) in the linear layers,
  as in torchvision; with it, starting the deeper networks from a trained A, as in the paper, is not needed.
- The `_bn` variants have batch normalization after each convolution. It was published a year later.
- The last map is average-pooled to 7 x 7, so any input of at least 32 pixels works; no effect at 224.
- Inputs are also divided by the standard deviation of ImageNet's channels; the paper only subtracts the mean.
- Set the paper's scales, crops and color augmentation in the recipe. With `shorter: 256` they are
  `augment: {scale: [1, 2], shift: 0.07, lighting: 0.1}`, except for the crop positions at larger scales.

With `dense`, the fully connected layers run as convolutions (7 x 7, 1 x 1, 1 x 1) on a larger input, and the
logits are averaged over all positions: the paper's dense evaluation, without its second, mirrored pass.

Weights: none are bundled. torchvision's weights load by name; they are licensed under BSD-3-Clause and were
trained on ImageNet, whose terms allow non-commercial research.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.building import check_share, check_size, check_width, widened
from cvbench.models.classification import at_every_position, prepared, softmax_loss, softmax_scores
from cvbench.spec.cell import Option
from cvbench.values import ClassScores, Preprocessing

_CONVOLUTIONS: Mapping[int, tuple[int, int, int, int, int]] = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Table 1: number of convolutions before each of the five poolings, by number of layers."""


class VGG(nn.Module):
    """3 x 3 convolutions, five poolings, three fully connected layers."""

    def __init__(
        self,
        layers: int,
        *,
        classes: int,
        normalized: bool,
        preprocessing: Preprocessing,
        width: float,
        dropout: float,
        dense: bool,
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        self.dense = dense
        c1, c2, c3, c4 = (widened(channels, width) for channels in (64, 128, 256, 512))
        n1, n2, n3, n4, n5 = _CONVOLUTIONS[layers]
        hidden = widened(4096, width)
        self.features = nn.Sequential(  # shapes at 224 pixels and width 1
            *_stage(3, c1, convolutions=n1, normalized=normalized),  # 64 112 112
            *_stage(c1, c2, convolutions=n2, normalized=normalized),  # 128 56 56
            *_stage(c2, c3, convolutions=n3, normalized=normalized),  # 256 28 28
            *_stage(c3, c4, convolutions=n4, normalized=normalized),  # 512 14 14
            *_stage(c4, c4, convolutions=n5, normalized=normalized),  # 512 7 7
        )
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(c4 * 7 * 7, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )
        _initialize(self)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        """Logits."""
        features = self.features(images)  # b 512 7 7
        if self.dense:
            return at_every_position(self.classifier, features).mean(dim=(2, 3))
        logits: Tensor = self.classifier(self.avgpool(features).flatten(1))
        return logits

    def loss(self, outputs: Float[Tensor, "b classes"], truths: Sequence[ClassScores]) -> dict[str, Tensor]:
        """Cross entropy."""
        return softmax_loss(outputs, truths)

    def decode(self, outputs: Float[Tensor, "b classes"]) -> list[ClassScores]:
        """Probabilities."""
        return softmax_scores(outputs)


def _stage(incoming: int, channels: int, *, convolutions: int, normalized: bool) -> list[nn.Module]:
    """The convolutions at one resolution, and the pooling that halves it."""
    layers: list[nn.Module] = []
    for place in range(convolutions):
        layers.append(nn.Conv2d(channels if place else incoming, channels, 3, padding=1))
        if normalized:
            layers.append(nn.BatchNorm2d(channels))
        layers.append(nn.ReLU(inplace=True))
    return [*layers, nn.MaxPool2d(2, stride=2)]


def _initialize(net: VGG) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def _build(
    name: str, classes: int, *, size: int, shorter: Option | None, width: float, dropout: float, dense: bool
) -> VGG:
    # Below 32 the last pooling has no input; with `dense`, the first layer needs a 7 x 7 map.
    check_size(name, size, least=224 if dense else 32)
    check_width(name, width)
    check_share(name, "dropout", dropout)
    return VGG(
        int(name[3:5]),
        classes=classes,
        normalized=name.endswith("_bn"),
        preprocessing=prepared(name, size, shorter),
        width=width,
        dropout=dropout,
        dense=dense,
    )


def vgg11(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> VGG:
    """Eight 3 x 3 convolutions and three fully connected layers."""
    return _build("vgg11", classes, size=size, shorter=shorter, width=width, dropout=dropout, dense=dense)


def vgg11_bn(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> VGG:
    """Eight 3 x 3 convolutions with batch normalization and three fully connected layers."""
    return _build("vgg11_bn", classes, size=size, shorter=shorter, width=width, dropout=dropout, dense=dense)


def vgg13(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> VGG:
    """Ten 3 x 3 convolutions and three fully connected layers."""
    return _build("vgg13", classes, size=size, shorter=shorter, width=width, dropout=dropout, dense=dense)


def vgg13_bn(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> VGG:
    """Ten 3 x 3 convolutions with batch normalization and three fully connected layers."""
    return _build("vgg13_bn", classes, size=size, shorter=shorter, width=width, dropout=dropout, dense=dense)


def vgg16(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> VGG:
    """Thirteen 3 x 3 convolutions and three fully connected layers."""
    return _build("vgg16", classes, size=size, shorter=shorter, width=width, dropout=dropout, dense=dense)


def vgg16_bn(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> VGG:
    """Thirteen 3 x 3 convolutions with batch normalization and three fully connected layers."""
    return _build("vgg16_bn", classes, size=size, shorter=shorter, width=width, dropout=dropout, dense=dense)


def vgg19(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> VGG:
    """Sixteen 3 x 3 convolutions and three fully connected layers."""
    return _build("vgg19", classes, size=size, shorter=shorter, width=width, dropout=dropout, dense=dense)


def vgg19_bn(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> VGG:
    """Sixteen 3 x 3 convolutions with batch normalization and three fully connected layers."""
    return _build("vgg19_bn", classes, size=size, shorter=shorter, width=width, dropout=dropout, dense=dense)
