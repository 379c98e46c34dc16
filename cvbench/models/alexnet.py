"""AlexNet: the common single-stream version, and the published two-stream version.

ImageNet Classification with Deep Convolutional Neural Networks. Krizhevsky, Sutskever, Hinton, 2012.
https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html
One weird trick for parallelizing convolutional neural networks. Krizhevsky, 2014.
https://arxiv.org/abs/1404.5997

`alexnet_original` reproduces Fig. 2 of the first paper. `alexnet` is the single stream of the second, with
the same weights as torchvision's model.

Differences from the paper:
- Both: no ten-crop testing; a mean color is subtracted instead of a mean image. Set the paper's color
  augmentation in the recipe: `augment: {lighting: 0.1}`.
- `alexnet_original`: an input of 227 pixels, which gives the paper's 55 x 55 positions; the 224 pixels in
  the text do not. The two halves are groups of one convolution on one device. At other input sizes, the
  first fully connected layer adapts to the size of the last map. Narrower networks start from larger
  weights to keep the variance of the sums.
- `alexnet`: dropout applies to the inputs of the first two fully connected layers, as in torchvision; the
  paper and `alexnet_original` apply it to their outputs.
- `alexnet`: one stream, so kernels have the full depth of their input, and 64, 192, 384, 256, 256 of them
  instead of 96, 256, 384, 384, 256; no local response normalization; the last map is average-pooled to
  6 x 6, so any input of at least 63 pixels works; weights use PyTorch's default initialization.

With `dense`, the fully connected layers run as convolutions (6 x 6, then 1 x 1) at every position of a
larger input, and the logits are averaged. `alexnet_original` at 67 pixels, where the last map is 1 x 1, has
fully connected layers that are all 1 x 1 convolutions: 24,265,064 parameters.

Weights: none are bundled. torchvision's weights load into `alexnet`; they are licensed under BSD-3-Clause
and were trained on ImageNet, whose terms allow non-commercial research.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cvbench.models.building import check_share, check_size, check_width, widened
from cvbench.models.classification import at_every_position, prepared, softmax_loss, softmax_scores
from cvbench.spec.cell import Option
from cvbench.values import ClassScores, Preprocessing


class AlexNet(nn.Module):
    """Five convolutions and three fully connected layers in one stream."""

    def __init__(
        self, classes: int, *, preprocessing: Preprocessing, width: float, dropout: float, dense: bool
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        self.dense = dense
        c1, c2, c3, c4, c5 = (widened(channels, width) for channels in (64, 192, 384, 256, 256))
        self.features = nn.Sequential(  # shapes at 224 pixels and width 1
            nn.Conv2d(3, c1, 11, stride=4, padding=2),  # 64 55 55
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # 64 27 27
            nn.Conv2d(c1, c2, 5, padding=2),  # 192 27 27
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # 192 13 13
            nn.Conv2d(c2, c3, 3, padding=1),  # 384 13 13
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, 3, padding=1),  # 256 13 13
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c5, 3, padding=1),  # 256 13 13
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # 256 6 6
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = _fully_connected(
            c5 * 6 * 6, widened(4096, width), classes, dropout=dropout, behind=False
        )

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        """Logits."""
        features = self.features(images)  # b 256 6 6
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


class AlexNetOriginal(nn.Module):
    """Two streams, connected at the third convolution, with local response normalization."""

    def __init__(
        self, classes: int, *, preprocessing: Preprocessing, width: float, dropout: float, dense: bool
    ) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        self.dense = dense
        c1, c2, c3, c4, c5 = (widened(channels, width) for channels in (96, 256, 384, 384, 256))
        self.features = nn.Sequential(  # shapes at 227 pixels and width 1
            nn.Conv2d(3, c1, 11, stride=4),  # 96 55 55
            nn.ReLU(inplace=True),
            _response_norm(),
            nn.MaxPool2d(3, stride=2),  # 96 27 27
            nn.Conv2d(c1, c2, 5, padding=2, groups=2),  # 256 27 27
            nn.ReLU(inplace=True),
            _response_norm(),
            nn.MaxPool2d(3, stride=2),  # 256 13 13
            nn.Conv2d(c2, c3, 3, padding=1),  # 384 13 13
            nn.ReLU(inplace=True),
            nn.Conv2d(c3, c4, 3, padding=1, groups=2),  # 384 13 13
            nn.ReLU(inplace=True),
            nn.Conv2d(c4, c5, 3, padding=1, groups=2),  # 256 13 13
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # 256 6 6
        )
        side = 6 if dense else _last_side(preprocessing.size[0])
        self.classifier = _fully_connected(
            c5 * side**2, widened(4096, width), classes, dropout=dropout, behind=True
        )
        _initialize(self, width)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        """Logits."""
        features = self.features(images)  # b 256 6 6
        if self.dense:
            return at_every_position(self.classifier, features).mean(dim=(2, 3))
        logits: Tensor = self.classifier(features.flatten(1))
        return logits

    def loss(self, outputs: Float[Tensor, "b classes"], truths: Sequence[ClassScores]) -> dict[str, Tensor]:
        """Cross entropy."""
        return softmax_loss(outputs, truths)

    def decode(self, outputs: Float[Tensor, "b classes"]) -> list[ClassScores]:
        """Probabilities."""
        return softmax_scores(outputs)


def _fully_connected(
    incoming: int, hidden: int, classes: int, *, dropout: float, behind: bool
) -> nn.Sequential:
    """Three layers; dropout follows each hidden one (section 4.2) or precedes it (torchvision)."""
    first = [nn.Linear(incoming, hidden), nn.ReLU(inplace=True)]
    second = [nn.Linear(hidden, hidden), nn.ReLU(inplace=True)]
    if behind:
        hidden_layers = [*first, nn.Dropout(dropout), *second, nn.Dropout(dropout)]
    else:
        hidden_layers = [nn.Dropout(dropout), *first, nn.Dropout(dropout), *second]
    return nn.Sequential(*hidden_layers, nn.Linear(hidden, classes))


def _response_norm() -> nn.LocalResponseNorm:
    """Section 3.3: over five neighboring channels; PyTorch divides alpha by their number."""
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def _last_side(size: int) -> int:
    """Side of the last pooled map of `alexnet_original`, for an input of `size` pixels.

    >>> _last_side(227), _last_side(67), _last_side(66)
    (6, 1, 0)
    """
    side = (size - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side


@torch.no_grad()
def _initialize(net: AlexNetOriginal, width: float) -> None:
    """Weights from N(0, 0.01) at full width, and biases of 1 where ReLUs should start active."""
    layers = [module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for place, layer in enumerate(layers, start=1):
        narrowing = 1 if place == 1 else width**-0.5  # the first layer's input is never narrower
        nn.init.normal_(layer.weight, std=0.01 * narrowing)
        assert layer.bias is not None
        layer.bias.fill_(1.0 if place in (2, 4, 5, 6, 7) else 0.0)


def alexnet(
    classes: int,
    *,
    size: int = 224,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> AlexNet:
    """AlexNet for images of `size` pixels; `width` multiplies the kernels and the hidden layers."""
    # Below 63 the last pooling has no input; with `dense`, the first layer needs a 6 x 6 map.
    check_size("alexnet", size, least=223 if dense else 63)
    check_width("alexnet", width)
    check_share("alexnet", "dropout", dropout)
    preprocessing = prepared("alexnet", size, shorter)
    return AlexNet(classes, preprocessing=preprocessing, width=width, dropout=dropout, dense=dense)


def alexnet_original(
    classes: int,
    *,
    size: int = 227,
    shorter: Option | None = None,
    width: float = 1.0,
    dropout: float = 0.5,
    dense: bool = False,
) -> AlexNetOriginal:
    """The published AlexNet for images of `size` pixels."""
    check_size("alexnet_original", size, least=227 if dense else 67)
    check_width("alexnet_original", width)
    check_share("alexnet_original", "dropout", dropout)
    # The paper's inputs are 0 to 255 minus the mean; the response normalization's constants assume it.
    preprocessing = prepared("alexnet_original", size, shorter, std=(1 / 255,) * 3)
    return AlexNetOriginal(classes, preprocessing=preprocessing, width=width, dropout=dropout, dense=dense)
