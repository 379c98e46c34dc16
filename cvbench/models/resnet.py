"""ResNet with 18, 34, 50, 101 and 152 layers.

Deep Residual Learning for Image Recognition. He, Zhang, Ren, Sun, 2015.
https://arxiv.org/abs/1512.03385

Reproduces the ImageNet models of table 1, with projection shortcuts where dimensions change (option B of
table 3), and with the same weights as torchvision's models.

Differences from the paper:
- In a bottleneck that halves the resolution, the stride is in its 3 x 3 convolution, not in its first
  1 x 1, which would skip three of four activations. This costs 0.3 GMAC more at 50 layers, and
  torchvision's weights were trained with it.
- Weights are initialized from a normal distribution scaled by fan-out, as in torchvision; the paper scales
  by fan-in.
- Inputs are also divided by the standard deviation of ImageNet's channels; the paper only subtracts the mean.
- Set the paper's scales, crops and color augmentation in the recipe. With `shorter: 256` they are
  `augment: {scale: [1, 1.875], shift: 0.07, lighting: 0.1}`, except for the crop positions at larger scales.

Weights: none are bundled. torchvision's weights load by name; they are licensed under BSD-3-Clause and were
trained on ImageNet, whose terms allow non-commercial research.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.building import check_size, check_width, widened
from cvbench.models.classification import prepared, softmax_loss, softmax_scores
from cvbench.spec.cell import Option
from cvbench.values import ClassScores, Preprocessing


def _shortcut(incoming: int, outgoing: int, stride: int) -> nn.Sequential | None:
    """Option B: a 1 x 1 projection where the shape changes, else None (the identity)."""
    if stride == 1 and incoming == outgoing:
        return None
    return nn.Sequential(
        nn.Conv2d(incoming, outgoing, 1, stride=stride, bias=False),
        nn.BatchNorm2d(outgoing),
    )


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut: Fig. 5, left."""

    expansion = 1

    def __init__(self, incoming: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(incoming, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(incoming, channels, stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        """The block's output, after the addition and the ReLU."""
        bypass = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        y: Tensor = self.relu(x.add_(bypass))
        return y


class Bottleneck(nn.Module):
    """1 x 1 to fewer channels, 3 x 3, 1 x 1 to four times as many, and a shortcut: Fig. 5, right."""

    expansion = 4

    def __init__(self, incoming: int, channels: int, *, stride: int) -> None:
        super().__init__()
        outgoing = channels * self.expansion
        self.conv1 = nn.Conv2d(incoming, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, outgoing, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outgoing)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(incoming, outgoing, stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        """The block's output, after the addition and the ReLU."""
        bypass = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        y: Tensor = self.relu(x.add_(bypass))
        return y


class ResNet(nn.Module):
    """A stem, four stages of residual blocks, global average pooling, one linear layer."""

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        depths: tuple[int, int, int, int],
        *,
        classes: int,
        preprocessing: Preprocessing,
        width: float,
        zero_init_residual: bool,
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        stem, *stages = (widened(channels, width) for channels in (64, 64, 128, 256, 512))
        self.conv1 = nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        wide = [channels * block.expansion for channels in stages]
        self.layer1 = _stage(block, stem, stages[0], depth=depths[0], stride=1)
        self.layer2 = _stage(block, wide[0], stages[1], depth=depths[1], stride=2)
        self.layer3 = _stage(block, wide[1], stages[2], depth=depths[2], stride=2)
        self.layer4 = _stage(block, wide[2], stages[3], depth=depths[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(wide[3], classes)
        _initialize(self, zero_residual=zero_init_residual)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        """Logits. Shapes in comments: 224 pixels, width 1, 18 or 34 layers."""
        x = self.relu(self.bn1(self.conv1(images)))  # b 64 112 112
        x = self.layer1(self.maxpool(x))  # b 64 56 56
        x = self.layer2(x)  # b 128 28 28
        x = self.layer3(x)  # b 256 14 14
        x = self.layer4(x)  # b 512 7 7
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits

    def loss(self, outputs: Float[Tensor, "b classes"], truths: Sequence[ClassScores]) -> dict[str, Tensor]:
        """Cross entropy."""
        return softmax_loss(outputs, truths)

    def decode(self, outputs: Float[Tensor, "b classes"]) -> list[ClassScores]:
        """Probabilities."""
        return softmax_scores(outputs)


def _stage(
    block: type[BasicBlock | Bottleneck], incoming: int, channels: int, *, depth: int, stride: int
) -> nn.Sequential:
    """`depth` blocks; the first one changes the shape."""
    first = block(incoming, channels, stride=stride)
    rest = [block(channels * block.expansion, channels, stride=1) for _ in range(depth - 1)]
    return nn.Sequential(first, *rest)


def _initialize(net: ResNet, *, zero_residual: bool) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif zero_residual and isinstance(module, BasicBlock):
            nn.init.zeros_(module.bn2.weight)
        elif zero_residual and isinstance(module, Bottleneck):
            nn.init.zeros_(module.bn3.weight)


_FORMS: Mapping[str, tuple[type[BasicBlock | Bottleneck], tuple[int, int, int, int]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}
"""Table 1: the block, and the number of blocks per stage."""


def _build(
    name: str,
    classes: int,
    *,
    size: int,
    shorter: Option | None,
    width: float,
    zero_init_residual: bool,
) -> ResNet:
    check_size(name, size, least=32)  # below 32, the last stage has no input
    check_width(name, width)
    block, depths = _FORMS[name]
    return ResNet(
        block,
        depths,
        classes=classes,
        preprocessing=prepared(name, size, shorter),
        width=width,
        zero_init_residual=zero_init_residual,
    )


def resnet18(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    zero_init_residual: bool = False,
) -> ResNet:
    """Eight blocks of two 3 x 3 convolutions."""
    return _build(
        "resnet18", classes, size=size, shorter=shorter, width=width, zero_init_residual=zero_init_residual
    )


def resnet34(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    zero_init_residual: bool = False,
) -> ResNet:
    """Sixteen blocks of two 3 x 3 convolutions."""
    return _build(
        "resnet34", classes, size=size, shorter=shorter, width=width, zero_init_residual=zero_init_residual
    )


def resnet50(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    zero_init_residual: bool = False,
) -> ResNet:
    """Sixteen blocks of 1 x 1, 3 x 3 and 1 x 1 convolutions."""
    return _build(
        "resnet50", classes, size=size, shorter=shorter, width=width, zero_init_residual=zero_init_residual
    )


def resnet101(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    zero_init_residual: bool = False,
) -> ResNet:
    """33 blocks of 1 x 1, 3 x 3 and 1 x 1 convolutions."""
    return _build(
        "resnet101", classes, size=size, shorter=shorter, width=width, zero_init_residual=zero_init_residual
    )


def resnet152(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    zero_init_residual: bool = False,
) -> ResNet:
    """Fifty blocks of 1 x 1, 3 x 3 and 1 x 1 convolutions."""
    return _build(
        "resnet152", classes, size=size, shorter=shorter, width=width, zero_init_residual=zero_init_residual
    )
