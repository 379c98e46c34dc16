"""GoogLeNet: torchvision's version with batch normalization, and the published version.

Going Deeper with Convolutions. Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke,
Rabinovich, 2014. https://arxiv.org/abs/1409.4842

`googlenet_original` reproduces table 1 and Fig. 3. `googlenet` has the same weights as torchvision's model.
Both have nine inception modules and, in training, two auxiliary heads whose losses are weighted by 0.3.

Each module has four branches: 1 x 1, 3 x 3 and 5 x 5 convolutions, and 3 x 3 max pooling with a 1 x 1
projection.

Differences from the paper:
- Both: no averaged weights, no 144 crops. Set the augmentation in the recipe; the paper's crops of 8 to
  100 % of the area are `augment: {area: [0.08, 1], aspect: 1.333}`.
- `googlenet_original`: the paper does not give the constants of its response normalization and
  initialization; they are from the model that the authors of Caffe published. Below 224 pixels, the
  auxiliary heads average-pool to 4 x 4.
- `googlenet`: batch normalization instead of response normalization, convolutions without bias, dropout
  of 0.2 instead of 0.4, a 2 x 2 pooling before the last two modules, and auxiliary heads that average-pool
  to 4 x 4 in unequal windows. Its third branch has a 3 x 3 convolution where the paper has 5 x 5;
  `true_5x5` restores it.

Weights: none are bundled. torchvision's weights load into `googlenet` by name, including the heads; they
expect inputs of -1 … 1, which the model provides. They are licensed under BSD-3-Clause and were trained on
ImageNet, whose terms allow non-commercial research.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.building import check_share, check_size, check_width, widened
from cvbench.models.classification import prepared, softmax_loss, softmax_scores
from cvbench.spec.cell import Option
from cvbench.values import ClassScores, Preprocessing

_AUXILIARY = 0.3
"""Section 5: weight of the loss of each auxiliary head."""


class ConvNorm(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, incoming: int, outgoing: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(incoming, outgoing, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outgoing, eps=1e-3)
        nn.init.trunc_normal_(self.conv.weight, std=0.01, a=-2, b=2)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        """The map after the ReLU."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class ConvPlain(nn.Module):
    """Convolution with a bias, ReLU: the paper's layer."""

    def __init__(self, incoming: int, outgoing: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(incoming, outgoing, kernel, stride=stride, padding=kernel // 2)
        nn.init.kaiming_uniform_(self.conv.weight, nonlinearity="linear")
        assert self.conv.bias is not None
        nn.init.constant_(self.conv.bias, 0.2)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        """The map after the ReLU."""
        return F.relu(self.conv(x), inplace=True)


class GoogLeNetForm(NamedTuple):
    """What differs between the two versions."""

    convolution: type[ConvNorm | ConvPlain]
    third: int
    """Kernel size of the third branch."""
    last_pool: int
    """Window size of the last max pooling."""
    response_norm: bool
    even_heads: bool
    """Whether auxiliary heads pool 5 x 5 windows with stride 3, which gives 4 x 4 at 224 pixels."""


class Inception(nn.Module):
    """Four parallel branches, concatenated along the channels: Fig. 2b."""

    def __init__(self, form: GoogLeNetForm, incoming: int, kernels: Sequence[int]) -> None:
        """`kernels`: 1 x 1; reduction and 3 x 3; reduction and 5 x 5; projection, as in table 1."""
        super().__init__()
        convolution = form.convolution
        one, reduce3, three, reduce5, five, projection = kernels
        self.outgoing = one + three + five + projection
        self.branch1 = convolution(incoming, one, 1)
        self.branch2 = nn.Sequential(convolution(incoming, reduce3, 1), convolution(reduce3, three, 3))
        self.branch3 = nn.Sequential(
            convolution(incoming, reduce5, 1), convolution(reduce5, five, form.third)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), convolution(incoming, projection, 1)
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """The branches, concatenated in the order of Fig. 2b."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class Auxiliary(nn.Module):
    """A small classifier on an inner map, which adds gradient to the lower layers."""

    def __init__(
        self, form: GoogLeNetForm, incoming: int, *, classes: int, width: float, dropout: float
    ) -> None:
        super().__init__()
        channels, hidden = widened(128, width), widened(1024, width)
        self.pool = nn.AvgPool2d(5, stride=3) if form.even_heads else nn.AdaptiveAvgPool2d(4)
        self.conv = form.convolution(incoming, channels, 1)
        self.fc1 = nn.Linear(channels * 4 * 4, hidden)
        self.fc2 = nn.Linear(hidden, classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b classes"]:
        """Logits."""
        x = self.conv(self.pool(x)).flatten(1)  # b 2048
        logits: Tensor = self.fc2(self.dropout(F.relu(self.fc1(x), inplace=True)))
        return logits


class GoogLeNetOutputs(NamedTuple):
    """Logits of the main head and, in training, of the auxiliary heads."""

    logits: Float[Tensor, "b classes"]
    auxiliary: Float[Tensor, "b heads classes"]
    """Empty in evaluation and in models built without auxiliary heads."""


class GoogLeNet(nn.Module):
    """Three convolutions, nine inception modules, global average pooling, one linear layer."""

    def __init__(
        self,
        form: GoogLeNetForm,
        *,
        classes: int,
        preprocessing: Preprocessing,
        width: float,
        dropout: float,
        auxiliary: bool,
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        convolution = form.convolution
        c64, c192 = widened(64, width), widened(192, width)

        def inception(incoming: int, *kernels: int) -> Inception:
            return Inception(form, incoming, [widened(count, width) for count in kernels])

        def head(incoming: int) -> Auxiliary | None:
            if not auxiliary:
                return None
            return Auxiliary(form, incoming, classes=classes, width=width, dropout=0.7)

        norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0) if form.response_norm else nn.Identity()
        self.norm = norm
        self.conv1 = convolution(3, c64, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = convolution(c64, c64, 1)
        self.conv3 = convolution(c64, c192, 3)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = inception(c192, 64, 96, 128, 16, 32, 32)
        self.inception3b = inception(self.inception3a.outgoing, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = inception(self.inception3b.outgoing, 192, 96, 208, 16, 48, 64)
        self.inception4b = inception(self.inception4a.outgoing, 160, 112, 224, 24, 64, 64)
        self.inception4c = inception(self.inception4b.outgoing, 128, 128, 256, 24, 64, 64)
        self.inception4d = inception(self.inception4c.outgoing, 112, 144, 288, 32, 64, 64)
        self.inception4e = inception(self.inception4d.outgoing, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(form.last_pool, stride=2, ceil_mode=True)
        self.inception5a = inception(self.inception4e.outgoing, 256, 160, 320, 32, 128, 128)
        self.inception5b = inception(self.inception5a.outgoing, 384, 192, 384, 48, 128, 128)
        self.aux1 = head(self.inception4a.outgoing)
        self.aux2 = head(self.inception4d.outgoing)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.inception5b.outgoing, classes)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> GoogLeNetOutputs:
        """Logits. Shapes in comments: 224 pixels and width 1."""
        x = self.norm(self.maxpool1(self.conv1(images)))  # b 64 56 56
        x = self.maxpool2(self.norm(self.conv3(self.conv2(x))))  # b 192 28 28
        x = self.inception3b(self.inception3a(x))  # b 480 28 28
        first = self.inception4a(self.maxpool3(x))  # b 512 14 14
        second = self.inception4d(self.inception4c(self.inception4b(first)))  # b 528 14 14
        x = self.maxpool4(self.inception4e(second))  # b 832 7 7
        x = self.inception5b(self.inception5a(x))  # b 1024 7 7
        logits = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        if not self.training or self.aux1 is None or self.aux2 is None:
            return GoogLeNetOutputs(logits, logits.new_empty(len(logits), 0, logits.shape[1]))
        return GoogLeNetOutputs(logits, torch.stack([self.aux1(first), self.aux2(second)], dim=1))

    def loss(self, outputs: GoogLeNetOutputs, truths: Sequence[ClassScores]) -> dict[str, Tensor]:
        """Cross entropy of the main head, and of each auxiliary head times 0.3."""
        terms = softmax_loss(outputs.logits, truths)
        for number, logits in enumerate(outputs.auxiliary.unbind(1), start=1):
            terms[f"auxiliary{number}"] = _AUXILIARY * softmax_loss(logits, truths)["cross_entropy"]
        return terms

    def decode(self, outputs: GoogLeNetOutputs) -> list[ClassScores]:
        """Probabilities."""
        return softmax_scores(outputs.logits)


def googlenet(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.2,
    auxiliary: bool = True,
    true_5x5: bool = False,
) -> GoogLeNet:
    """GoogLeNet with batch normalization; without `auxiliary` it has only the main head."""
    _check("googlenet", size, width, dropout)
    third = 5 if true_5x5 else 3
    net = GoogLeNet(
        GoogLeNetForm(ConvNorm, third=third, last_pool=2, response_norm=False, even_heads=False),
        classes=classes,
        preprocessing=prepared("googlenet", size, shorter, mean=(0.5,) * 3, std=(0.5,) * 3),
        width=width,
        dropout=dropout,
        auxiliary=auxiliary,
    )
    for module in net.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.01, a=-2, b=2)
    return net


def googlenet_original(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.4,
    auxiliary: bool = True,
) -> GoogLeNet:
    """The published GoogLeNet: no batch normalization, 5 x 5 convolutions."""
    _check("googlenet_original", size, width, dropout)
    net = GoogLeNet(
        GoogLeNetForm(ConvPlain, third=5, last_pool=3, response_norm=True, even_heads=size == 224),
        classes=classes,
        preprocessing=prepared("googlenet_original", size, shorter, std=(1 / 255,) * 3),
        width=width,
        dropout=dropout,
        auxiliary=auxiliary,
    )
    for module in net.modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="linear")
            nn.init.zeros_(module.bias)
    return net


def _check(model: str, size: int, width: float, dropout: float) -> None:
    check_size(model, size, least=32)  # at least the network's stride
    check_width(model, width)
    check_share(model, "dropout", dropout)
